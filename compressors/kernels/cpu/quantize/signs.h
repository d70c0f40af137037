// Signs as bits, eight in a byte, the first in the lowest; a set bit is negative. Zeros of both
// kinds count as positive.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/compressors/kernels/cpu/quantize/quantize.h"

namespace terse::kernels {

// What a sign reads as.
struct Levels {
  float positive, negative;
};

constexpr std::size_t sign_bytes(std::size_t n) { return (n + 7) / 8; }

// The signs of n values, and in the same pass what `keep` says of the values they read as. Bits
// past n are 0.
void pack_signs(const float* values, std::size_t n, std::byte* bits, Levels levels,
                DecodeOutput keep, float* kept);
void unpack_signs(const std::byte* bits, Levels levels, float* out, std::size_t n);
void add_signs(const std::byte* bits, Levels levels, float* acc, std::size_t n);

// +1 and -1; NaN for what is no finite number, so that it is not lost.
void copy_signs(const float* values, float* out, std::size_t n);

// The sum of the values from 0 up, that of the negative ones' magnitudes, and how many these are.
// In fp32, each by 32 interleaved partial sums, then a tree over them.
struct SignSums {
  float positives = 0, negatives = 0;
  std::size_t negative = 0;
};
SignSums sums_by_sign(const float* values, std::size_t n);

}  // namespace terse::kernels
