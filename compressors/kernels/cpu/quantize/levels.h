// Codes of a sign and a level, one a byte. `noise` is in units of kNoiseUnit (noise.h), one number
// an element, which makes it uniform in [0, 1). The decoded values are kept as `keep` says
// (quantize.h). A sign is kept where the level is 0: it reads as a zero of that sign.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/compressors/kernels/cpu/quantize/quantize.h"

namespace terse::kernels {

// What a code's low bits count, and where its sign stands.
struct CodeForm {
  float unit;     // even levels: what one of them is worth; powers: the norm
  unsigned bits;  // 2 to 8, the highest one being the sign
};

struct Coded {
  std::uint8_t* codes;
  DecodeOutput keep;
  float* kept;
};

// Even levels: min(floor(|v| / unit + noise), 2^(bits - 1) - 1), read as unit * level. unit > 0.
void to_levels(const float* values, const std::uint16_t* noise, CodeForm form, Coded out,
               std::size_t n);
void from_levels(const std::uint8_t* codes, CodeForm form, float* out, std::size_t n);
void add_levels(const std::uint8_t* codes, CodeForm form, float* acc, std::size_t n);

// Powers of two of r = min(|v| / unit, 1), unit > 0: level 0 is 0, level k is 2^(k - 1 - s), s =
// 2^(bits - 1) - 2. r is rounded to one of its neighbors, up if noise < its distance from the
// lower one in parts of their distance. Read as
// unit * power.
void to_powers(const float* values, const std::uint16_t* noise, CodeForm form, Coded out,
               std::size_t n);
void from_powers(const std::uint8_t* codes, CodeForm form, float* out, std::size_t n);
void add_powers(const std::uint8_t* codes, CodeForm form, float* acc, std::size_t n);

// Powers of two without a scale: the exponent field of |v| plus 1 where the noise is less than the
// significand's share, 18 less and from 0 to 127; read as 2^(code - 109), code 0 as 0. |v| <= 2^18.
void to_exponents(const float* values, const std::uint16_t* noise, Coded out, std::size_t n);
void from_exponents(const std::uint8_t* codes, float* out, std::size_t n);
void add_exponents(const std::uint8_t* codes, float* acc, std::size_t n);

// Multiples k of a unit as the codes 2k, or -2k - 1 where k < 0: 0, -1, 1, -2, 2 ... A ternary k is
// the sign of v where noise < |v| / unit, else 0; unit > 0.
void to_ternary(const float* values, const std::uint16_t* noise, float unit, Coded out,
                std::size_t n);
// Of whole numbers in [-127, 127], or in [-32767, 32767].
void to_integers(const float* values, std::uint8_t* codes, std::size_t n);
void to_integers(const float* values, std::uint16_t* codes, std::size_t n);
void from_integers(const std::uint8_t* codes, float unit, float* out, std::size_t n);
void from_integers(const std::uint16_t* codes, float unit, float* out, std::size_t n);
void add_integers(const std::uint8_t* codes, float unit, float* acc, std::size_t n);
void add_integers(const std::uint16_t* codes, float unit, float* acc, std::size_t n);

}  // namespace terse::kernels
