// Signs as bits, eight per byte, the first in the lowest bit; a set bit is negative. Zeros of both
// signs count as positive.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/compressors/kernels/cpu/quantize/decode_sink.h"

namespace terse::kernels {

// The values that a positive and a negative sign decode to.
struct SignLevels {
  float positive, negative;
};

constexpr std::size_t sign_bytes(std::size_t n) { return (n + 7) / 8; }

// Writes the signs of n values; bits past n are 0.
void pack_signs(const float* values, std::size_t n, std::byte* bits, SignLevels levels,
                DecodeSink sink);
void unpack_signs(const std::byte* bits, SignLevels levels, float* out, std::size_t n);
void add_signs(const std::byte* bits, SignLevels levels, float* acc, std::size_t n);

// +1 and -1; NaN for a value that is not finite, so that it does not go unnoticed.
void copy_signs(const float* values, float* out, std::size_t n);

// The sum of the values that are not negative, the sum of the magnitudes of those that are, and the
// number of the latter. In fp32, each by 32 interleaved partial sums, then a tree over them.
struct SignSums {
  float positives = 0, negatives = 0;
  std::size_t negative = 0;
};
SignSums sums_by_sign(const float* values, std::size_t n);

}  // namespace terse::kernels
