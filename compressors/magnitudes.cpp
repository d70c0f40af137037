#include "terse/compressors/magnitudes.h"

#include <array>

namespace terse {

std::optional<Kth> kth_largest(const Magnitudes& v, std::uint32_t k, std::uint32_t floor,
                               std::span<std::uint32_t> bins) {
  std::uint32_t low = floor, high = kernels::kLargestMagnitude, above = 0;
  for (const unsigned shift : {20u, 10u, 0u}) {
    const std::uint32_t first = low >> shift;
    std::fill(bins.begin(), bins.end(), 0u);
    v.visit(low, high,
            [&](std::uint32_t, float, std::uint32_t m) { ++bins[(m >> shift) - first]; });
    std::uint32_t bin = (high >> shift) - first;
    while (above + bins[bin] < k) {
      above += bins[bin];
      if (bin == 0) return std::nullopt;
      --bin;
    }
    const std::uint32_t begin = (first + bin) << shift;
    high = begin + ((1u << shift) - 1);
    low = std::max(low, begin);
  }
  return Kth{low, above};
}

}  // namespace terse
