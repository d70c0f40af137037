// fp32 <-> 8-bit floats of 4 exponent bits and 3 of significand, or 5 and 2, with integer and fp32
// arithmetic alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/compressors/kernels/cpu/quantize/quantize.h"

namespace terse::kernels {

enum class Float8 { e4m3, e5m2 };

inline constexpr float kLargestE4m3 = 448, kLargestE5m2 = 57344;

// codes[i] = values[i] / 2^k to nearest even; |values[i]| / 2^k at most the largest number. Keeps
// what `keep` says of the numbers that the codes read as. -126 <= k <= 127.
void to_float8(Float8 type, const float* values, int k, std::uint8_t* codes, DecodeOutput keep,
               float* kept, std::size_t n);
void from_float8(Float8 type, const std::uint8_t* codes, int k, float* out, std::size_t n);
void add_float8(Float8 type, const std::uint8_t* codes, int k, float* acc, std::size_t n);

}  // namespace terse::kernels
