#include "terse/compressors/kernels/select.h"

namespace terse::kernels {

TERSE_KERNEL std::size_t count_at_least(const float* v, std::size_t n, std::uint32_t threshold) {
  std::size_t total = 0;
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min<std::size_t>(n, begin + kBlock);
    std::uint32_t count = 0;
    for (std::size_t i = begin; i < end; ++i) count += magnitude(v[i]) >= threshold ? 1 : 0;
    total += count;
  }
  return total;
}

TERSE_KERNEL void find_groups(const float* __restrict v, std::size_t n, std::uint32_t low,
                              std::uint32_t high, std::uint8_t* __restrict found) {
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

}  // namespace terse::kernels
