// Codes of a sign and a level, one per byte. `noise` has one number per element in units of
// kNoiseUnit (noise.h), uniform in [0, 1). The sign is preserved if the level is 0: it decodes to a
// zero of that sign.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/compressors/kernels/cpu/quantize/decode_sink.h"

namespace terse::kernels {

// The format of a code: its scale and its width.
struct LevelFormat {
  float unit;     // uniform levels: the value of level 1; exponential levels: the norm
  unsigned bits;  // 2 to 8, the highest one being the sign
};

struct CodeOutput {
  std::uint8_t* codes;
  DecodeSink sink;
};

// Uniform levels (QSGD): min(floor(|v| / unit + noise), 2^(bits - 1) - 1), decoded as unit * level.
// unit > 0.
void to_uniform_levels(const float* values, const std::uint16_t* noise, LevelFormat format,
                       CodeOutput out, std::size_t n);
void from_uniform_levels(const std::uint8_t* codes, LevelFormat format, float* out, std::size_t n);
void add_uniform_levels(const std::uint8_t* codes, LevelFormat format, float* acc, std::size_t n);

// Exponential levels (NUQSGD): powers of two of r = min(|v| / unit, 1), unit > 0. Level 0 is 0,
// level k is 2^(k - 1 - s), s = 2^(bits - 1) - 2. r is rounded to one of its two neighbors: up if
// noise is less than its distance from the lower one divided by the distance between them. Decoded
// as unit * power.
void to_exponential_levels(const float* values, const std::uint16_t* noise, LevelFormat format,
                           CodeOutput out, std::size_t n);
void from_exponential_levels(const std::uint8_t* codes, LevelFormat format, float* out,
                             std::size_t n);
void add_exponential_levels(const std::uint8_t* codes, LevelFormat format, float* acc,
                            std::size_t n);

// Natural compression: powers of two without a scale. The code is the exponent field of |v|, plus 1
// if noise is less than the significand's fraction, minus 18, clamped to 0 to 127; decoded as
// 2^(code - 109), code 0 as 0. |v| <= 2^18.
void to_natural(const float* values, const std::uint16_t* noise, CodeOutput out, std::size_t n);
void from_natural(const std::uint8_t* codes, float* out, std::size_t n);
void add_natural(const std::uint8_t* codes, float* acc, std::size_t n);

// Multiples k of a unit, coded as 2k, or as -2k - 1 if k < 0: 0, -1, 1, -2, 2 ... A ternary k is
// the sign of v if noise < |v| / unit, else 0; unit > 0.
void to_ternary(const float* values, const std::uint16_t* noise, float unit, CodeOutput out,
                std::size_t n);
// The values are whole numbers in [-127, 127], or in [-32767, 32767].
void to_integers(const float* values, std::uint8_t* codes, std::size_t n);
void to_integers(const float* values, std::uint16_t* codes, std::size_t n);
void from_integers(const std::uint8_t* codes, float unit, float* out, std::size_t n);
void from_integers(const std::uint16_t* codes, float unit, float* out, std::size_t n);
void add_integers(const std::uint8_t* codes, float unit, float* acc, std::size_t n);
void add_integers(const std::uint16_t* codes, float unit, float* acc, std::size_t n);

}  // namespace terse::kernels
