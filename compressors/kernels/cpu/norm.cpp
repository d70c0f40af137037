#include "terse/compressors/kernels/cpu/norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

void add_squares(const float* values, std::size_t n, Partials& into) {
  constexpr std::size_t kLanes = std::tuple_size_v<Partials>;
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

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse {
namespace kernels {

HWY_EXPORT(add_squares);

void add_squares(const float* values, std::size_t n, Partials& into) {
  HWY_DYNAMIC_DISPATCH(add_squares)(values, n, into);
}

double total_of(Partials sums) {
  for (std::size_t half = sums.size() / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

}  // namespace kernels

double squared_norm(std::span<const float> values) {
  kernels::Partials sums{};
  kernels::add_squares(values.data(), values.size(), sums);
  return kernels::total_of(sums);
}

}  // namespace terse
#endif
