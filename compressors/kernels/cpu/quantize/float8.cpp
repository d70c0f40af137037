#include "terse/compressors/kernels/cpu/quantize/float8.h"

#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/quantize/float8.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

TERSE_INLINE std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
TERSE_INLINE float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
// Without a branch, which would keep the compiler from vectorizing.
TERSE_INLINE std::uint32_t choose(bool condition, std::uint32_t yes, std::uint32_t no) {
  const std::uint32_t mask = -static_cast<std::uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

template <unsigned kSignificand, unsigned kBias>
struct Format {
  static constexpr unsigned kDrop = 23 - kSignificand;
  static constexpr std::uint32_t kRebias = (127 - kBias) << 23;
  static constexpr std::uint32_t kFirstNormal = (128 - kBias) << 23;
  // A float whose last place is the smallest subnormal: adding it rounds to that.
  static constexpr float kRounder = std::bit_cast<float>((127 + 24 - kSignificand - kBias) << 23);

  // |x| is at most the largest number.
  TERSE_INLINE static std::uint32_t code(float x) {
    const std::uint32_t bits = bits_of(x), sign = (bits >> 24) & 0x80u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    const std::uint32_t normal =
        (magnitude - kRebias + (1u << (kDrop - 1)) - 1 + ((magnitude >> kDrop) & 1u)) >> kDrop;
    const std::uint32_t subnormal = bits_of(float_of(magnitude) + kRounder) - bits_of(kRounder);
    return choose(magnitude < kFirstNormal, subnormal, normal) | sign;
  }

  TERSE_INLINE static float value(std::uint32_t code) {
    const std::uint32_t sign = (code & 0x80u) << 24, magnitude = (code & 0x7fu) << kDrop;
    // Subnormal: the significand with the exponent of the first normal, minus that number.
    const float lifted = float_of(magnitude + kFirstNormal) - float_of(kFirstNormal);
    return float_of(choose(magnitude < (1u << 23), bits_of(lifted), magnitude + kRebias) | sign);
  }
};
using E4m3 = Format<3, 7>;
using E5m2 = Format<2, 15>;

TERSE_INLINE float power_of_two(int k) {
  return float_of(static_cast<std::uint32_t>(k + 127) << 23);
}

// 2^-k in two factors: for k up to 127 it can be subnormal.
struct Shrink {
  float first, second;
};
TERSE_INLINE Shrink shrink_by(int k) {
  return {power_of_two(-(k / 2)), power_of_two(-(k - k / 2))};
}

template <class Type, DecodeOutput kOutput>
TERSE_INLINE void to_body(const float* __restrict values, int k, std::uint8_t* __restrict codes,
                          float* __restrict sink, std::size_t n) {
  const Shrink shrink = shrink_by(k);
  const float grow = power_of_two(k);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t code = Type::code(values[i] * shrink.first * shrink.second);
    codes[i] = static_cast<std::uint8_t>(code);
    if constexpr (kOutput != DecodeOutput::nothing) {
      const float decoded = Type::value(code) * grow;
      sink[i] = kOutput == DecodeOutput::difference ? values[i] - decoded : decoded;
    }
  }
}

template <class Type>
TERSE_INLINE void to_type(const float* values, int k, std::uint8_t* codes, DecodeSink sink,
                          std::size_t n) {
  switch (sink.output) {
    case DecodeOutput::nothing:
      return to_body<Type, DecodeOutput::nothing>(values, k, codes, sink.to, n);
    case DecodeOutput::decoded:
      return to_body<Type, DecodeOutput::decoded>(values, k, codes, sink.to, n);
    case DecodeOutput::difference:
      return to_body<Type, DecodeOutput::difference>(values, k, codes, sink.to, n);
  }
}

template <class Type, bool kAdd>
TERSE_INLINE void from_body(const std::uint8_t* __restrict codes, int k, float* __restrict out,
                            std::size_t n) {
  const float grow = power_of_two(k);
  for (std::size_t i = 0; i < n; ++i) {
    const float value = Type::value(codes[i]) * grow;
    out[i] = kAdd ? out[i] + value : value;
  }
}

void to_float8(Float8 type, const float* values, int k, std::uint8_t* codes, DecodeSink sink,
               std::size_t n) {
  if (type == Float8::e4m3) return to_type<E4m3>(values, k, codes, sink, n);
  to_type<E5m2>(values, k, codes, sink, n);
}
void from_float8(Float8 type, const std::uint8_t* codes, int k, float* out, std::size_t n) {
  if (type == Float8::e4m3) return from_body<E4m3, false>(codes, k, out, n);
  from_body<E5m2, false>(codes, k, out, n);
}
void add_float8(Float8 type, const std::uint8_t* codes, int k, float* acc, std::size_t n) {
  if (type == Float8::e4m3) return from_body<E4m3, true>(codes, k, acc, n);
  from_body<E5m2, true>(codes, k, acc, n);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(to_float8);
HWY_EXPORT(from_float8);
HWY_EXPORT(add_float8);

void to_float8(Float8 type, const float* values, int k, std::uint8_t* codes, DecodeSink sink,
               std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_float8)(type, values, k, codes, sink, n);
}
void from_float8(Float8 type, const std::uint8_t* codes, int k, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_float8)(type, codes, k, out, n);
}
void add_float8(Float8 type, const std::uint8_t* codes, int k, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_float8)(type, codes, k, acc, n);
}

}  // namespace terse::kernels
#endif
