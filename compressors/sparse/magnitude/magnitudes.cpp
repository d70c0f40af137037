#include "terse/compressors/sparse/magnitude/magnitudes.h"

#include <algorithm>
#include <bit>

namespace terse {

std::optional<KthLargest> kth_largest(const Magnitudes& v, std::uint32_t k, std::uint32_t low,
                                      std::uint32_t high, std::span<std::uint32_t> bins) {
  constexpr int kDigit = std::bit_width(kBins - 1);
  if (low > high) return std::nullopt;
  for (std::uint32_t above = 0;;) {
    const int shift = std::max(static_cast<int>(std::bit_width(high - low)) - kDigit, 0);
    std::fill(bins.begin(), bins.end(), 0u);
    v.visit(low, high, [&](std::uint32_t, float, std::uint32_t m) { ++bins[(m - low) >> shift]; });
    std::uint32_t bin = (high - low) >> shift;
    while (above + bins[bin] < k) {
      above += bins[bin];
      if (bin == 0) return std::nullopt;
      --bin;
    }
    low += bin << shift;
    if (shift == 0) return KthLargest{low, above};
    high = std::min(high, low + ((1u << shift) - 1));
  }
}

}  // namespace terse
