#include "terse/compressors/kernels/matrix.h"

#include <algorithm>
#include <array>

#include "terse/compressors/kernels/dispatch.h"

namespace terse::kernels {

// Registers of sums need vectors that are wider than the baseline's; a compiler lowers those before
// it clones a function, so TERSE_KERNEL would give AVX2 the baseline's code.
namespace baseline {
#define TERSE_TARGET
#include "terse/compressors/kernels/matrix_loops.inc"
#undef TERSE_TARGET
}  // namespace baseline

const MatrixKernels& baseline_matrix_kernels() { return baseline::kKernels; }

#if defined(__x86_64__) && defined(__gnu_linux__)
namespace avx2 {
#define TERSE_TARGET __attribute__((target("avx2")))
#include "terse/compressors/kernels/matrix_loops.inc"
#undef TERSE_TARGET
}  // namespace avx2

const MatrixKernels& best_matrix_kernels() {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 ? avx2::kKernels : baseline::kKernels;
}
#else
const MatrixKernels& best_matrix_kernels() { return baseline::kKernels; }
#endif

void times_vectors(const MatrixRows& shape, const float* m, const float* q, float* p) {
  best_matrix_kernels().times_vectors(shape, m, q, p);
}
void add_transposed_times(const MatrixRows& shape, const float* m, const float* p, float* q) {
  best_matrix_kernels().add_transposed_times(shape, m, p, q);
}
void span_matrix(const MatrixRows& shape, const float* p, const float* q, float* out) {
  best_matrix_kernels().span(shape, p, q, out, nullptr);
}
void span_and_subtract(const MatrixRows& shape, const float* p, const float* q, float* out,
                       float* m) {
  best_matrix_kernels().span(shape, p, q, out, m);
}
void subtract_span(const MatrixRows& shape, const float* p, const float* q, float* m) {
  best_matrix_kernels().span(shape, p, q, nullptr, m);
}

constexpr std::size_t kPartials = 32;
using Partials = std::array<double, kPartials>;

TERSE_KERNEL void add_products(const float* a, const float* b, std::size_t n, Partials& into) {
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

double dot(const float* a, const float* b, std::size_t n) {
  Partials sums{};
  add_products(a, b, n, sums);
  for (std::size_t half = kPartials / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

TERSE_KERNEL void scale_in_double(double factor, float* v, std::size_t n) {
  TERSE_ELEMENTWISE
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>(factor * v[i]);
}

}  // namespace terse::kernels
