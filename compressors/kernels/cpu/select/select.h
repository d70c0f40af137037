// Selection by magnitude: |v| compares like its bits, so thresholds are integers and no value needs
// rounding.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/compressors/kernels/cpu/dispatch.h"

namespace terse::kernels {

constexpr std::uint32_t magnitude(float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffffu; }
inline constexpr std::uint32_t kLargestMagnitude = 0x7fffffffu;

// The number of magnitudes that are at least `threshold`.
std::size_t count_at_least(const float* v, std::size_t n, std::uint32_t threshold);

inline constexpr std::size_t kGroup = 32;
// Sets found[g] to whether elements [32 g, 32 g + 32) have a magnitude in [low, high].
void find_groups(const float* v, std::size_t n, std::uint32_t low, std::uint32_t high,
                 std::uint8_t* found);

// Calls visit(index, magnitude) for the magnitudes in [low, high] of a block of at most kBlock
// elements, in order of index.
template <class Visit>
void visit_between(std::span<const float> block, std::uint32_t low, std::uint32_t high,
                   Visit&& visit) {
  std::array<std::uint8_t, kBlock / kGroup> found;
  find_groups(block.data(), block.size(), low, high, found.data());
  for (std::size_t begin = 0; begin < block.size(); begin += kGroup) {
    if (!found[begin / kGroup]) continue;
    const std::size_t end = std::min(block.size(), begin + kGroup);
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t m = magnitude(block[i]);
      if (m >= low && m <= high) visit(i, m);
    }
  }
}

}  // namespace terse::kernels
