#include "terse/compressors/low_rank/low_rank.h"

#include <algorithm>
#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/matrix.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/compressors/pass.h"

namespace terse::low_rank {
namespace {

constexpr float kMostVectors = 1024;
constexpr std::uint32_t kNotFinite = 0x7f800000;  // the bits of magnitudes from here on
constexpr double kNothingLeft = 1e-6;  // of a unit vector: above the rounding of a subtraction
constexpr std::size_t kRun = 8192;     // elements of a run of rows: folded, then used while cached

kernels::MatrixRows rows_of(const Shape& shape, std::size_t count) {
  return {.rows = count,
          .columns = shape.n1,
          .vectors = shape.rank,
          .p_length = shape.n0,
          .q_length = shape.n1};
}

bool in_place(const Feedback& feedback) { return !feedback.keeps_residual(); }

const float* matrix(const Row& row, const Feedback& feedback) {
  return in_place(feedback) ? row.grad : row.e_out;
}

// Calls pass(first row, number of rows) for runs of rows. Four rows share the loads of a vector.
template <class Pass>
void by_runs(const Shape& shape, ProgressMeter& progress, Pass&& pass) {
  const std::size_t run =
      std::max<std::size_t>(kRun / std::max<std::size_t>(shape.n1, 1) / 4 * 4, 4);
  for (std::size_t first = 0; first < shape.n0; first += run) {
    const std::size_t count = std::min(run, shape.n0 - first);
    pass(first, count);
    progress.add(count * shape.n1);
  }
}

void require(const Factors& f, const Feedback& feedback) {
  require_residual(f.row, feedback);
  if (std::uint64_t{f.shape.n0} * f.shape.n1 != f.row.n || f.row.first != 0)
    fail("a run of {} elements from {} is not a matrix of {} x {}.", f.row.n, f.row.first,
         f.shape.n0, f.shape.n1);
}

void fold_rows(kernels::Fold& fold, const Factors& f, std::size_t first, std::size_t count) {
  const std::size_t at = first * f.shape.n1, n = count * f.shape.n1;
  float* const into = f.row.e_out == nullptr ? nullptr : f.row.e_out + at;
  const std::span<const float> v =
      fold.run(static_cast<std::uint32_t>(at), std::span<float>(into, n));
  if (into != nullptr && v.data() != into) std::copy(v.begin(), v.end(), into);
}

void product(const Factors& f, const Feedback& feedback, Side side, std::size_t first,
             std::size_t count) {
  const float* m = matrix(f.row, feedback) + first * f.shape.n1;
  const kernels::MatrixRows rows = rows_of(f.shape, count);
  if (side == Side::p) kernels::times_vectors(rows, m, f.q, f.p + first);
  if (side == Side::q) kernels::add_transposed_times(rows, m, f.p + first, f.q);
}

std::span<float> side_of(const Factors& f, Side side) {
  return side == Side::p ? std::span(f.p, f.shape.p()) : std::span(f.q, f.shape.q());
}

void check_finite(Factors& f, bool finite, Side side, std::size_t index, const Exec& exec) {
  const std::span<float> result = side_of(f, side);
  f.finite = finite && kernels::peak_of(result.data(), result.size()) < kNotFinite;
  if (f.finite) return;
  report_bad_row(exec, index);
  std::fill(result.begin(), result.end(), 0.0f);
}

// v /= |v|; a vector that is zero or not finite becomes zero.
bool normalize(float* v, std::size_t length) {
  const double squared = kernels::dot(v, v, length);
  if (squared > 0 && std::isfinite(squared)) {
    kernels::scale_in_double(1 / std::sqrt(squared), v, length);
    return true;
  }
  std::fill_n(v, length, 0.0f);
  return false;
}

void subtract_projections(float* vectors, std::size_t length, std::size_t k, std::size_t others) {
  float* const v = vectors + k * length;
  for (std::size_t j = 0; j < others; ++j) {
    if (j == k) continue;
    const float* const unit = vectors + j * length;
    kernels::add_scaled(unit, static_cast<float>(-kernels::dot(v, unit, length)), v, length);
  }
}

// Makes vector k a unit vector orthogonal to the first `others`, which are orthonormal or zero.
void orthonormalize_one(float* vectors, std::size_t length, std::size_t k, std::size_t others) {
  float* const v = vectors + k * length;
  if (!normalize(v, length)) return;
  subtract_projections(vectors, length, k, others);
  if (!(kernels::dot(v, v, length) > kNothingLeft * kNothingLeft)) {
    std::fill_n(v, length, 0.0f);
    return;
  }
  normalize(v, length);
  subtract_projections(vectors, length, k, others);
  normalize(v, length);
}

// The sum of a number's four bytes minus its mean: nearly normal, and exact on every machine.
float near_normal(std::uint32_t bits) {
  const std::uint32_t sum =
      (bits & 255) + ((bits >> 8) & 255) + ((bits >> 16) & 255) + (bits >> 24);
  return static_cast<float>(static_cast<std::int32_t>(sum) - 510);
}

void draw(float* v, std::size_t length, std::size_t first, std::uint64_t stream,
          std::uint64_t layer) {
  for (std::size_t i = 0; i < length; ++i)
    v[i] = near_normal(philox(stream, (first + i) / 4, layer)[(first + i) % 4]);
}

}  // namespace

Shape shape_of(std::uint32_t n0, std::uint32_t n1, float level) {
  return {n0, n1,
          static_cast<std::uint32_t>(
              std::min({level, static_cast<float>(n0), static_cast<float>(n1)}))};
}

bool saves_bytes(const Shape& shape) {
  return 2 * (shape.p() + shape.q()) < std::size_t{shape.n0} * shape.n1;
}

void fold_and_project(std::span<Factors> table, const Feedback& feedback, Side side,
                      const Exec& exec) {
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < table.size(); ++index) {
    Factors& f = table[index];
    require(f, feedback);
    kernels::Fold fold(f.row, feedback);
    if (in_place(feedback) && !fold.in_place())
      fail(
          "a gradient without a residual cannot be scaled before it is projected: the result has "
          "no "
          "memory.");
    if (side == Side::q) std::fill_n(f.q, f.shape.q(), 0.0f);
    by_runs(f.shape, progress, [&](std::size_t first, std::size_t count) {
      fold_rows(fold, f, first, count);
      product(f, feedback, side, first, count);
    });
    check_finite(f, fold.peak() < kNotFinite, side, index, exec);
  }
}

void project(std::span<Factors> table, const Feedback& feedback, Side side, const Exec& exec) {
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < table.size(); ++index) {
    Factors& f = table[index];
    const std::span<float> result = side_of(f, side);
    std::fill(result.begin(), result.end(), 0.0f);
    if (!f.finite) continue;
    by_runs(f.shape, progress, [&](std::size_t first, std::size_t count) {
      product(f, feedback, side, first, count);
    });
    check_finite(f, true, side, index, exec);
  }
}

void subtract(std::span<const Factors> table, const Feedback& feedback, const Exec& exec) {
  if (in_place(feedback)) return;
  ProgressMeter progress(exec);
  for (const Factors& f : table) {
    by_runs(f.shape, progress, [&](std::size_t first, std::size_t count) {
      kernels::subtract_outer_product(rows_of(f.shape, count), f.p + first, f.q,
                                      f.row.e_out + first * f.shape.n1);
    });
  }
}

void rebuild(std::span<const Factors> table, const Feedback& feedback, ResidualUpdate residual,
             const Exec& exec) {
  const bool updates = residual == ResidualUpdate::now && !in_place(feedback);
  ProgressMeter progress(exec);
  for (const Factors& f : table) {
    by_runs(f.shape, progress, [&](std::size_t first, std::size_t count) {
      const kernels::MatrixRows rows = rows_of(f.shape, count);
      const std::size_t at = first * f.shape.n1;
      if (updates) {
        kernels::outer_product_and_subtract(rows, f.p + first, f.q, f.row.out + at,
                                            f.row.e_out + at);
      } else {
        kernels::outer_product(rows, f.p + first, f.q, f.row.out + at);
      }
    });
  }
}

void orthonormalize(float* vectors, std::size_t length, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) orthonormalize_one(vectors, length, k, k);
}

void reseed_zero_columns(float* vectors, std::size_t length, std::size_t count, const Key& shared,
                         std::uint64_t layer) {
  orthonormalize(vectors, length, count);
  for (std::size_t k = 0; k < count; ++k) {
    float* const v = vectors + k * length;
    if (std::any_of(v, v + length, [](float x) { return x != 0; })) continue;
    draw(v, length, k * length, shared.stream(), layer);
    orthonormalize_one(vectors, length, k, count);
  }
}

void check(float level, const Feedback& feedback) {
  if (!(level >= 1 && level <= kMostVectors) || level != std::floor(level)) {
    fail<JobError>(
        "compression.rank = {} is not a rank: powersgd takes a whole number from 1 to {}.", level,
        kMostVectors);
  }
  const bool plain = feedback == feedback::kNone;
  const bool keeps_the_rest = feedback.ev == 1 && feedback.ee == 0 && feedback.ed == -1;
  if (!plain && (!keeps_the_rest || feedback.clear_velocity)) {
    fail<JobError>(
        "powersgd computes its residual as v minus the decoded mean; use a feedback "
        "whose residual is that (none, classic or decay, for example).");
  }
}

}  // namespace terse::low_rank
