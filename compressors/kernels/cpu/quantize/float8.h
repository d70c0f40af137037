// fp32 <-> 8-bit floats of 4 exponent bits and 3 of significand, or 5 and 2, using integer and fp32
// arithmetic alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/compressors/kernels/cpu/quantize/decode_sink.h"

namespace terse::kernels {

enum class Float8 { e4m3, e5m2 };

inline constexpr float kLargestE4m3 = 448, kLargestE5m2 = 57344;

// codes[i] = values[i] / 2^k to nearest even, where |values[i]| / 2^k is at most the type's largest
// number and -126 <= k <= 127.
void to_float8(Float8 type, const float* values, int k, std::uint8_t* codes, DecodeSink sink,
               std::size_t n);
void from_float8(Float8 type, const std::uint8_t* codes, int k, float* out, std::size_t n);
void add_float8(Float8 type, const std::uint8_t* codes, int k, float* acc, std::size_t n);

}  // namespace terse::kernels
