#include "terse/compressors/kernels/norm.h"

#include <array>

#include "terse/compressors/kernels/dispatch.h"

namespace terse {
namespace kernels {

constexpr std::size_t kLanes = 32;
using Partials = std::array<double, kLanes>;

TERSE_KERNEL void add_squares(const float* values, std::size_t n, Partials& into) {
  Partials sums = into;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double x = values[i + lane];
      sums[lane] += x * x;
    }
  }
  for (std::size_t lane = 0; i + lane < n; ++lane) {
    const double x = values[i + lane];
    sums[lane] += x * x;
  }
  into = sums;
}

}  // namespace kernels

double squared_norm(std::span<const float> values) {
  kernels::Partials sums{};
  kernels::add_squares(values.data(), values.size(), sums);
  for (std::size_t half = kernels::kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

}  // namespace terse
