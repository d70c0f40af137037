#include "terse/compressors/kernels/cpu/quantize/levels.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/quantize/levels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/noise.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

constexpr std::uint32_t kSign = 0x80000000u, kMagnitude = 0x7fffffffu;
constexpr unsigned kSignificand = 23;
constexpr std::int32_t kBias = 127;

TERSE_INLINE std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
TERSE_INLINE float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
TERSE_INLINE float magnitude_of(float x) { return float_of(bits_of(x) & kMagnitude); }
TERSE_INLINE float with_sign(float magnitude, std::uint32_t sign) {
  return float_of(bits_of(magnitude) | sign);
}
TERSE_INLINE float share_of(std::uint32_t noise) {
  return static_cast<float>(static_cast<std::int32_t>(noise)) * kNoiseUnit;
}
// The same in units of the significand's last place.
TERSE_INLINE std::uint32_t step_of(std::uint32_t noise) { return noise << (kSignificand - 16); }
// Without a branch, which would keep the compiler from vectorizing.
TERSE_INLINE std::int32_t choose(bool condition, std::int32_t yes, std::int32_t no) {
  const std::int32_t mask = -static_cast<std::int32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

template <DecodeOutput kOutput>
TERSE_INLINE void write_decoded(float* __restrict sink, std::size_t i, float v, float decoded) {
  if constexpr (kOutput != DecodeOutput::nothing)
    sink[i] = kOutput == DecodeOutput::difference ? v - decoded : decoded;
}

// A coder maps |v| and noise to a level, and a level to the magnitude that it decodes to.
struct Uniform {
  float unit, top;
  TERSE_INLINE std::int32_t level(float magnitude, std::uint32_t noise) const {
    const float x = magnitude / unit + share_of(noise);
    return static_cast<std::int32_t>(x < top ? x : top);
  }
  TERSE_INLINE float value(std::int32_t level) const { return unit * static_cast<float>(level); }
};

struct Exponential {
  float norm, lift;  // lift is 2^s
  std::int32_t lowest;
  TERSE_INLINE std::int32_t level(float magnitude, std::uint32_t noise) const {
    // The minimum by bits: compilers turn a comparison of floats into a branch here and do not
    // vectorize.
    const float r = float_of(std::min(bits_of(magnitude / norm), bits_of(1.0f)));
    const auto power = static_cast<std::int32_t>((bits_of(r) + step_of(noise)) >> kSignificand);
    const std::int32_t below = choose(share_of(noise) < r * lift, 1, 0);
    return choose(r * lift < 1, below, power - kBias + lowest + 1);
  }
  TERSE_INLINE float value(std::int32_t level) const {
    const auto power = static_cast<std::uint32_t>(level - 1 - lowest + kBias) << kSignificand;
    return norm * float_of(level > 0 ? power : 0);
  }
};

struct Natural {
  TERSE_INLINE std::int32_t level(float magnitude, std::uint32_t noise) const {
    const auto power =
        static_cast<std::int32_t>((bits_of(magnitude) + step_of(noise)) >> kSignificand);
    const std::int32_t level = power - 18;
    return choose(level < 0, 0, choose(level > 127, 127, level));
  }
  TERSE_INLINE float value(std::int32_t level) const {
    return float_of(level > 0 ? static_cast<std::uint32_t>(level + 18) << kSignificand : 0);
  }
};

template <DecodeOutput kOutput, class Coder>
TERSE_INLINE void code_body(const Coder coder, unsigned sign_at, const float* __restrict values,
                            const std::uint16_t* __restrict noise, std::uint8_t* __restrict codes,
                            float* __restrict sink, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const float v = values[i];
    const std::uint32_t sign = bits_of(v) & kSign;
    const std::int32_t level = coder.level(magnitude_of(v), noise[i]);
    codes[i] =
        static_cast<std::uint8_t>(static_cast<std::uint32_t>(level) | (sign >> 31) << sign_at);
    write_decoded<kOutput>(sink, i, v, with_sign(coder.value(level), sign));
  }
}

template <class Coder>
TERSE_INLINE void code(const Coder coder, unsigned sign_at, const float* values,
                       const std::uint16_t* noise, CodeOutput out, std::size_t n) {
  switch (out.sink.output) {
    case DecodeOutput::nothing:
      return code_body<DecodeOutput::nothing>(coder, sign_at, values, noise, out.codes, out.sink.to,
                                              n);
    case DecodeOutput::decoded:
      return code_body<DecodeOutput::decoded>(coder, sign_at, values, noise, out.codes, out.sink.to,
                                              n);
    case DecodeOutput::difference:
      return code_body<DecodeOutput::difference>(coder, sign_at, values, noise, out.codes,
                                                 out.sink.to, n);
  }
}

template <bool kAdd, class Coder>
TERSE_INLINE void read(const Coder coder, unsigned sign_at, const std::uint8_t* __restrict codes,
                       float* __restrict out, std::size_t n) {
  const std::uint32_t levels = (1u << sign_at) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t code = codes[i];
    const std::uint32_t sign = (code >> sign_at) << 31;
    const float value = with_sign(coder.value(static_cast<std::int32_t>(code & levels)), sign);
    out[i] = kAdd ? out[i] + value : value;
  }
}

TERSE_INLINE Uniform uniform(LevelFormat format) {
  return {format.unit, static_cast<float>((1u << (format.bits - 1)) - 1)};
}
TERSE_INLINE Exponential exponential(LevelFormat format) {
  const std::int32_t lowest = (1 << (format.bits - 1)) - 2;
  return {format.unit, float_of(static_cast<std::uint32_t>(lowest + kBias) << kSignificand),
          lowest};
}

void to_uniform_levels(const float* values, const std::uint16_t* noise, LevelFormat format,
                       CodeOutput out, std::size_t n) {
  code(uniform(format), format.bits - 1, values, noise, out, n);
}
void from_uniform_levels(const std::uint8_t* codes, LevelFormat format, float* out, std::size_t n) {
  read<false>(uniform(format), format.bits - 1, codes, out, n);
}
void add_uniform_levels(const std::uint8_t* codes, LevelFormat format, float* acc, std::size_t n) {
  read<true>(uniform(format), format.bits - 1, codes, acc, n);
}
void to_exponential_levels(const float* values, const std::uint16_t* noise, LevelFormat format,
                           CodeOutput out, std::size_t n) {
  code(exponential(format), format.bits - 1, values, noise, out, n);
}
void from_exponential_levels(const std::uint8_t* codes, LevelFormat format, float* out,
                             std::size_t n) {
  read<false>(exponential(format), format.bits - 1, codes, out, n);
}
void add_exponential_levels(const std::uint8_t* codes, LevelFormat format, float* acc,
                            std::size_t n) {
  read<true>(exponential(format), format.bits - 1, codes, acc, n);
}
void to_natural(const float* values, const std::uint16_t* noise, CodeOutput out, std::size_t n) {
  code(Natural{}, 7, values, noise, out, n);
}
void from_natural(const std::uint8_t* codes, float* out, std::size_t n) {
  read<false>(Natural{}, 7, codes, out, n);
}
void add_natural(const std::uint8_t* codes, float* acc, std::size_t n) {
  read<true>(Natural{}, 7, codes, acc, n);
}

template <DecodeOutput kOutput>
TERSE_INLINE void ternary_body(const float* __restrict values,
                               const std::uint16_t* __restrict noise, float unit,
                               std::uint8_t* __restrict codes, float* __restrict sink,
                               std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const float v = values[i];
    const std::int32_t sent = choose(share_of(noise[i]) < magnitude_of(v) / unit, 1, 0);
    const auto negative = static_cast<std::int32_t>(bits_of(v) >> 31);
    codes[i] = static_cast<std::uint8_t>(sent * (2 - negative));
    write_decoded<kOutput>(sink, i, v, unit * static_cast<float>(sent * (1 - 2 * negative)));
  }
}

void to_ternary(const float* values, const std::uint16_t* noise, float unit, CodeOutput out,
                std::size_t n) {
  switch (out.sink.output) {
    case DecodeOutput::nothing:
      return ternary_body<DecodeOutput::nothing>(values, noise, unit, out.codes, out.sink.to, n);
    case DecodeOutput::decoded:
      return ternary_body<DecodeOutput::decoded>(values, noise, unit, out.codes, out.sink.to, n);
    case DecodeOutput::difference:
      return ternary_body<DecodeOutput::difference>(values, noise, unit, out.codes, out.sink.to, n);
  }
}

template <class Code>
TERSE_INLINE void to_integers_body(const float* __restrict values, Code* __restrict codes,
                                   std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::int32_t>(values[i]);
    codes[i] =
        static_cast<Code>(static_cast<std::uint32_t>(2 * k) ^ static_cast<std::uint32_t>(k >> 31));
  }
}

template <bool kAdd, class Code>
TERSE_INLINE void from_integers_body(const Code* __restrict codes, float unit,
                                     float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t code = codes[i];
    const float value = unit * static_cast<float>((code >> 1) ^ -(code & 1));
    out[i] = kAdd ? out[i] + value : value;
  }
}

void to_integers_8(const float* values, std::uint8_t* codes, std::size_t n) {
  to_integers_body(values, codes, n);
}
void from_integers_8(const std::uint8_t* codes, float unit, float* out, std::size_t n) {
  from_integers_body<false>(codes, unit, out, n);
}
void add_integers_8(const std::uint8_t* codes, float unit, float* acc, std::size_t n) {
  from_integers_body<true>(codes, unit, acc, n);
}
void to_integers_16(const float* values, std::uint16_t* codes, std::size_t n) {
  to_integers_body(values, codes, n);
}
void from_integers_16(const std::uint16_t* codes, float unit, float* out, std::size_t n) {
  from_integers_body<false>(codes, unit, out, n);
}
void add_integers_16(const std::uint16_t* codes, float unit, float* acc, std::size_t n) {
  from_integers_body<true>(codes, unit, acc, n);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(to_uniform_levels);
HWY_EXPORT(from_uniform_levels);
HWY_EXPORT(add_uniform_levels);
HWY_EXPORT(to_exponential_levels);
HWY_EXPORT(from_exponential_levels);
HWY_EXPORT(add_exponential_levels);
HWY_EXPORT(to_natural);
HWY_EXPORT(from_natural);
HWY_EXPORT(add_natural);
HWY_EXPORT(to_ternary);
HWY_EXPORT(to_integers_8);
HWY_EXPORT(from_integers_8);
HWY_EXPORT(add_integers_8);
HWY_EXPORT(to_integers_16);
HWY_EXPORT(from_integers_16);
HWY_EXPORT(add_integers_16);

void to_uniform_levels(const float* values, const std::uint16_t* noise, LevelFormat format,
                       CodeOutput out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_uniform_levels)(values, noise, format, out, n);
}
void from_uniform_levels(const std::uint8_t* codes, LevelFormat format, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_uniform_levels)(codes, format, out, n);
}
void add_uniform_levels(const std::uint8_t* codes, LevelFormat format, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_uniform_levels)(codes, format, acc, n);
}
void to_exponential_levels(const float* values, const std::uint16_t* noise, LevelFormat format,
                           CodeOutput out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_exponential_levels)(values, noise, format, out, n);
}
void from_exponential_levels(const std::uint8_t* codes, LevelFormat format, float* out,
                             std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_exponential_levels)(codes, format, out, n);
}
void add_exponential_levels(const std::uint8_t* codes, LevelFormat format, float* acc,
                            std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_exponential_levels)(codes, format, acc, n);
}
void to_natural(const float* values, const std::uint16_t* noise, CodeOutput out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_natural)(values, noise, out, n);
}
void from_natural(const std::uint8_t* codes, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_natural)(codes, out, n);
}
void add_natural(const std::uint8_t* codes, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_natural)(codes, acc, n);
}
void to_ternary(const float* values, const std::uint16_t* noise, float unit, CodeOutput out,
                std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_ternary)(values, noise, unit, out, n);
}
void to_integers(const float* values, std::uint8_t* codes, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_integers_8)(values, codes, n);
}
void from_integers(const std::uint8_t* codes, float unit, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_integers_8)(codes, unit, out, n);
}
void add_integers(const std::uint8_t* codes, float unit, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_integers_8)(codes, unit, acc, n);
}
void to_integers(const float* values, std::uint16_t* codes, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_integers_16)(values, codes, n);
}
void from_integers(const std::uint16_t* codes, float unit, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_integers_16)(codes, unit, out, n);
}
void add_integers(const std::uint16_t* codes, float unit, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_integers_16)(codes, unit, acc, n);
}

}  // namespace terse::kernels
#endif
