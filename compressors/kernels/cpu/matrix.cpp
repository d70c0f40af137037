#include "terse/compressors/kernels/cpu/matrix.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/matrix.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/norm.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Eight lanes are one vector register, or two. These are the compiler's vectors: blocks of sums are
// arrays of them, which some of Highway's vector types do not allow.
using Lanes = float __attribute__((vector_size(32)));
constexpr std::size_t kLanes = 8;

TERSE_INLINE Lanes load_lanes(const float* from) {
  Lanes lanes;
  __builtin_memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

TERSE_INLINE Lanes load_some(const float* from, std::size_t count) {
  Lanes lanes{};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
  return lanes;
}

TERSE_INLINE void store_lanes(const Lanes& lanes, float* to) {
  __builtin_memcpy(to, &lanes, sizeof(lanes));
}

TERSE_INLINE void store_some(const Lanes& lanes, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = lanes[i];
}

TERSE_INLINE float tree_sum(const Lanes& x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

// A block of P: kRows rows by kVectors vectors, so that all partial sums stay in registers.
template <int kRows, int kVectors>
TERSE_INLINE void dot_block(const MatrixRows& shape, const float* m, const float* q, float* p) {
  const std::size_t columns = shape.columns;
  Lanes sums[kRows][kVectors] = {};
  std::size_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    Lanes right[kVectors];
    for (int k = 0; k < kVectors; ++k) right[k] = load_lanes(q + k * shape.q_length + j);
    for (int i = 0; i < kRows; ++i) {
      const Lanes left = load_lanes(m + i * columns + j);
      for (int k = 0; k < kVectors; ++k) sums[i][k] += left * right[k];
    }
  }
  if (j < columns) {
    for (int i = 0; i < kRows; ++i) {
      const Lanes left = load_some(m + i * columns + j, columns - j);
      for (int k = 0; k < kVectors; ++k)
        sums[i][k] += left * load_some(q + k * shape.q_length + j, columns - j);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int k = 0; k < kVectors; ++k) p[k * shape.p_length + i] = tree_sum(sums[i][k]);
  }
}

template <int kVectors>
TERSE_INLINE void dot_vectors(const MatrixRows& shape, const float* m, const float* q, float* p) {
  std::size_t i = 0;
  for (; i + 2 <= shape.rows; i += 2)
    dot_block<2, kVectors>(shape, m + i * shape.columns, q, p + i);
  if (i < shape.rows) dot_block<1, kVectors>(shape, m + i * shape.columns, q, p + i);
}

void times_vectors(const MatrixRows& shape, const float* m, const float* q, float* p) {
  std::size_t k = 0;
  for (; k + 4 <= shape.vectors; k += 4)
    dot_vectors<4>(shape, m, q + k * shape.q_length, p + k * shape.p_length);
  q += k * shape.q_length;
  p += k * shape.p_length;
  switch (shape.vectors - k) {
    case 1:
      return dot_vectors<1>(shape, m, q, p);
    case 2:
      return dot_vectors<2>(shape, m, q, p);
    case 3:
      return dot_vectors<3>(shape, m, q, p);
  }
}

// Adds kRows rows of M, times P, to kVectors vectors of Q over some columns.
template <int kRows, int kVectors>
TERSE_INLINE void transposed_block(const MatrixRows& shape, std::size_t columns, const float* m,
                                   const float* p, float* q) {
  const auto accumulate = [&](const Lanes(&left)[kRows], Lanes(&sums)[kVectors]) HWY_ATTR {
    for (int i = 0; i < kRows; ++i) {
      for (int k = 0; k < kVectors; ++k) sums[k] += left[i] * p[k * shape.p_length + i];
    }
  };
  Lanes left[kRows], sums[kVectors];
  std::size_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) {
    for (int i = 0; i < kRows; ++i) left[i] = load_lanes(m + i * shape.columns + j);
    for (int k = 0; k < kVectors; ++k) sums[k] = load_lanes(q + k * shape.q_length + j);
    accumulate(left, sums);
    for (int k = 0; k < kVectors; ++k) store_lanes(sums[k], q + k * shape.q_length + j);
  }
  if (j == columns) return;
  const std::size_t rest = columns - j;
  for (int i = 0; i < kRows; ++i) left[i] = load_some(m + i * shape.columns + j, rest);
  for (int k = 0; k < kVectors; ++k) sums[k] = load_some(q + k * shape.q_length + j, rest);
  accumulate(left, sums);
  for (int k = 0; k < kVectors; ++k) store_some(sums[k], q + k * shape.q_length + j, rest);
}

template <int kRows>
TERSE_INLINE void transposed_rows(const MatrixRows& shape, std::size_t columns, const float* m,
                                  const float* p, float* q) {
  std::size_t k = 0;
  for (; k + 2 <= shape.vectors; k += 2)
    transposed_block<kRows, 2>(shape, columns, m, p + k * shape.p_length, q + k * shape.q_length);
  if (k < shape.vectors)
    transposed_block<kRows, 1>(shape, columns, m, p + k * shape.p_length, q + k * shape.q_length);
}

void add_transposed_times(const MatrixRows& shape, const float* m, const float* p, float* q) {
  constexpr std::size_t kTile =
      1024;  // columns: four rows of M and two vectors of Q stay in the L1 cache
  std::size_t i = 0;
  for (; i + 4 <= shape.rows; i += 4) {
    for (std::size_t j = 0; j < shape.columns; j += kTile) {
      transposed_rows<4>(shape, std::min(kTile, shape.columns - j), m + i * shape.columns + j,
                         p + i, q + j);
    }
  }
  for (; i < shape.rows; ++i)
    transposed_rows<1>(shape, shape.columns, m + i * shape.columns, p + i, q);
}

// P Q^T for kRows rows and kWide registers of columns.
template <int kRows, int kWide, class Finish>
TERSE_INLINE void outer_block(const MatrixRows& shape, const float* p, const float* q,
                              Finish&& finish) {
  Lanes sums[kRows][kWide];
  for (int w = 0; w < kWide; ++w) {
    const Lanes right = load_lanes(q + w * kLanes);
    for (int i = 0; i < kRows; ++i) sums[i][w] = right * p[i];
  }
  for (std::size_t k = 1; k < shape.vectors; ++k) {
    for (int w = 0; w < kWide; ++w) {
      const Lanes right = load_lanes(q + k * shape.q_length + w * kLanes);
      for (int i = 0; i < kRows; ++i) sums[i][w] += right * p[k * shape.p_length + i];
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int w = 0; w < kWide; ++w) finish(i, w, sums[i][w]);
  }
}

// The same for the last columns of a row.
TERSE_INLINE Lanes outer_rest(const MatrixRows& shape, const float* p, const float* q,
                              std::size_t count) {
  Lanes sum = load_some(q, count) * p[0];
  for (std::size_t k = 1; k < shape.vectors; ++k)
    sum += load_some(q + k * shape.q_length, count) * p[k * shape.p_length];
  return sum;
}

template <int kRows, bool kOut, bool kSubtract>
TERSE_INLINE void outer_rows(const MatrixRows& shape, const float* p, const float* q, float* out,
                             float* m) {
  constexpr int kWide = 2;
  const std::size_t columns = shape.columns;
  std::size_t j = 0;
  for (; j + kWide * kLanes <= columns; j += kWide * kLanes) {
    outer_block<kRows, kWide>(shape, p, q + j, [&](int i, int w, const Lanes& sum) HWY_ATTR {
      const std::size_t at = i * columns + j + w * kLanes;
      if constexpr (kSubtract) store_lanes(load_lanes(m + at) - sum, m + at);
      if constexpr (kOut) store_lanes(sum, out + at);
    });
  }
  for (; j < columns; j += kLanes) {
    const std::size_t count = std::min(kLanes, columns - j);
    for (int i = 0; i < kRows; ++i) {
      const std::size_t at = i * columns + j;
      const Lanes sum = outer_rest(shape, p + i, q + j, count);
      if constexpr (kSubtract) store_some(load_some(m + at, count) - sum, m + at, count);
      if constexpr (kOut) store_some(sum, out + at, count);
    }
  }
}

template <bool kOut, bool kSubtract>
TERSE_INLINE void outer_all(const MatrixRows& shape, const float* p, const float* q, float* out,
                            float* m) {
  const auto at = [&](float* base, std::size_t i)
                      HWY_ATTR { return base == nullptr ? nullptr : base + i * shape.columns; };
  std::size_t i = 0;
  for (; i + 2 <= shape.rows; i += 2)
    outer_rows<2, kOut, kSubtract>(shape, p + i, q, at(out, i), at(m, i));
  if (i < shape.rows) outer_rows<1, kOut, kSubtract>(shape, p + i, q, at(out, i), at(m, i));
}

void outer_products(const MatrixRows& shape, const float* p, const float* q, float* out, float* m) {
  if (m == nullptr) return outer_all<true, false>(shape, p, q, out, m);
  if (out == nullptr) return outer_all<false, true>(shape, p, q, out, m);
  outer_all<true, true>(shape, p, q, out, m);
}

void add_products(const float* a, const float* b, std::size_t n, Partials& into) {
  constexpr std::size_t kPartials = std::tuple_size_v<Partials>;
  Partials sums = into;
  std::size_t i = 0;
  for (; i + kPartials <= n; i += kPartials) {
    for (std::size_t lane = 0; lane < kPartials; ++lane)
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
  }
  for (std::size_t lane = 0; i + lane < n; ++lane)
    sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
  into = sums;
}

void scale_in_double(double factor, float* v, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>(factor * v[i]);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(times_vectors);
HWY_EXPORT(add_transposed_times);
HWY_EXPORT(outer_products);
HWY_EXPORT(add_products);
HWY_EXPORT(scale_in_double);

void times_vectors(const MatrixRows& shape, const float* m, const float* q, float* p) {
  HWY_DYNAMIC_DISPATCH(times_vectors)(shape, m, q, p);
}
void add_transposed_times(const MatrixRows& shape, const float* m, const float* p, float* q) {
  HWY_DYNAMIC_DISPATCH(add_transposed_times)(shape, m, p, q);
}
void outer_product(const MatrixRows& shape, const float* p, const float* q, float* out) {
  HWY_DYNAMIC_DISPATCH(outer_products)(shape, p, q, out, nullptr);
}
void outer_product_and_subtract(const MatrixRows& shape, const float* p, const float* q, float* out,
                                float* m) {
  HWY_DYNAMIC_DISPATCH(outer_products)(shape, p, q, out, m);
}
void subtract_outer_product(const MatrixRows& shape, const float* p, const float* q, float* m) {
  HWY_DYNAMIC_DISPATCH(outer_products)(shape, p, q, nullptr, m);
}

double dot(const float* a, const float* b, std::size_t n) {
  Partials sums{};
  HWY_DYNAMIC_DISPATCH(add_products)(a, b, n, sums);
  return total_of(sums);
}

void scale_in_double(double factor, float* v, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(scale_in_double)(factor, v, n);
}

}  // namespace terse::kernels
#endif
