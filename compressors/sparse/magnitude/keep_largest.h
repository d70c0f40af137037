// The k largest magnitudes of a list, in linear time: the lower position first among equals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/compressors/kernels/cpu/select/select.h"

namespace terse {

// Tells which values of a list are among its k largest magnitudes. Ask keeps() once for each value,
// in the order of the list.
class LargestFilter {
 public:
  // 1 <= k <= values.size(). `work` has room for one word a value and is overwritten.
  LargestFilter(std::span<const float> values, std::uint32_t k, std::span<std::uint32_t> work);

  // The k-th largest magnitude, as kernels::magnitude() gives it.
  std::uint32_t least() const { return least_; }

  // Without a branch: which values are large cannot be predicted.
  bool keeps(float value) {
    const std::uint32_t m = kernels::magnitude(value);
    const bool tie = m == least_ && ties_ > 0;
    ties_ -= tie ? 1 : 0;
    return m > least_ || tie;
  }

 private:
  std::uint32_t least_;
  std::uint32_t ties_;  // how many values of magnitude least_ are still to be kept
};

// Moves the entries that `filter` keeps to the front, in order; returns how many there are.
inline std::uint32_t keep_largest(LargestFilter filter, std::span<std::uint32_t> index,
                                  std::span<float> value) {
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const bool keep = filter.keeps(value[i]);
    index[kept] = index[i];
    value[kept] = value[i];
    kept += keep ? 1 : 0;
  }
  return kept;
}

}  // namespace terse
