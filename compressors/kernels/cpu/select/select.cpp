#include "terse/compressors/kernels/cpu/select/select.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/select/select.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

std::size_t count_at_least(const float* v, std::size_t n, std::uint32_t threshold) {
  std::size_t total = 0;
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min<std::size_t>(n, begin + kBlock);
    std::uint32_t count = 0;
    for (std::size_t i = begin; i < end; ++i) count += magnitude(v[i]) >= threshold ? 1 : 0;
    total += count;
  }
  return total;
}

void find_groups(const float* __restrict v, std::size_t n, std::uint32_t low, std::uint32_t high,
                 std::uint8_t* __restrict found) {
  const std::uint32_t width = high - low;
  for (std::size_t begin = 0; begin < n; begin += kGroup) {
    std::uint32_t any = 0;
    if (begin + kGroup <= n) {
      for (std::size_t i = 0; i < kGroup; ++i)
        any |= magnitude(v[begin + i]) - low <= width ? 1u : 0u;
    } else {
      for (std::size_t i = begin; i < n; ++i) any |= magnitude(v[i]) - low <= width ? 1u : 0u;
    }
    found[begin / kGroup] = static_cast<std::uint8_t>(any);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(count_at_least);
HWY_EXPORT(find_groups);

std::size_t count_at_least(const float* v, std::size_t n, std::uint32_t threshold) {
  return HWY_DYNAMIC_DISPATCH(count_at_least)(v, n, threshold);
}
void find_groups(const float* v, std::size_t n, std::uint32_t low, std::uint32_t high,
                 std::uint8_t* found) {
  HWY_DYNAMIC_DISPATCH(find_groups)(v, n, low, high, found);
}

}  // namespace terse::kernels
#endif
