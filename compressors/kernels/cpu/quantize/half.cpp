#include "terse/compressors/kernels/cpu/quantize/half.h"

#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "terse/compressors/kernels/cpu/quantize/half.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "terse/compressors/kernels/cpu/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

// Without a branch, which would keep the compiler from vectorizing.
TERSE_INLINE std::uint32_t choose(bool condition, std::uint32_t yes, std::uint32_t no) {
  const std::uint32_t mask = -static_cast<std::uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

TERSE_INLINE std::uint16_t fp16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  // Normal: move the exponent and round at bit 13. Subnormal: adding 0.5 leaves the rounded
  // significand in the low bits.
  const std::uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5f);
  std::uint32_t half = choose(magnitude < (113u << 23), subnormal, normal);
  half = choose(magnitude >= kFp16Limit, 0x7c00u, half);
  half = choose(magnitude > kFp32Limit, 0x7e00u, half);
  return static_cast<std::uint16_t>(half | sign);
}

TERSE_INLINE float float_of_fp16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t magnitude = (half & 0x7fffu) << 13;
  // Subnormal: the significand with the exponent of 2^-14, minus 2^-14, which avoids subnormal
  // fp32 operands.
  const float lifted =
      std::bit_cast<float>(magnitude + (113u << 23)) - std::bit_cast<float>(113u << 23);
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(lifted);
  std::uint32_t bits = choose(magnitude < (1u << 23), subnormal, magnitude + (112u << 23));
  bits = choose(magnitude >= (31u << 23), magnitude + (224u << 23), bits);
  bits = choose(magnitude > (31u << 23), bits | 0x400000u, bits);  // a NaN becomes a quiet one
  return std::bit_cast<float>(bits | sign);
}

TERSE_INLINE std::uint16_t bf16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

TERSE_INLINE float float_of_bf16(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

#if TERSE_X86_VECTORS
// x86 has fp16 conversions from AVX2 on, equal to the bit except for NaNs. For bf16, compilers
// generate poor narrowing code.
namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Words = hn::RebindToUnsigned<Floats>;

TERSE_INLINE std::size_t fp16_vectors(const float* values, std::uint16_t* out, std::size_t n) {
  const Floats floats;
  const hn::Rebind<hwy::float16_t, Floats> halves;
  std::size_t i = 0;
  for (; i + hn::Lanes(floats) <= n; i += hn::Lanes(floats)) {
    hn::StoreU(hn::DemoteTo(halves, hn::LoadU(floats, values + i)), halves,
               reinterpret_cast<hwy::float16_t*>(out + i));
  }
  return i;
}

TERSE_INLINE std::size_t bf16_vectors(const float* values, std::uint16_t* out, std::size_t n) {
  const Words words;
  const hn::Repartition<std::uint16_t, Words> halves;
  const std::size_t lanes = hn::Lanes(words);
  const auto* const from = reinterpret_cast<const std::uint32_t*>(values);
  // The result is in the upper halves.
  const auto rounded = [&](std::size_t i) HWY_ATTR {
    const auto bits = hn::LoadU(words, from + i);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1));
    return hn::BitCast(halves, hn::Add(hn::Add(bits, hn::Set(words, 0x7fff)), odd));
  };
  std::size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes)
    hn::StoreU(hn::ConcatOdd(halves, rounded(i + lanes), rounded(i)), halves, out + i);
  return i;
}

TERSE_INLINE std::size_t weighted_sum_fp16_vectors(const std::uint16_t* values, const float* base,
                                                   float weight, float* out, std::size_t n) {
  const Floats floats;
  const hn::Rebind<hwy::float16_t, Floats> halves;
  const auto weights = hn::Set(floats, weight);
  std::size_t i = 0;
  for (; i + hn::Lanes(floats) <= n; i += hn::Lanes(floats)) {
    const auto half = hn::LoadU(halves, reinterpret_cast<const hwy::float16_t*>(values + i));
    const auto sum = hn::Add(hn::LoadU(floats, base + i), hn::PromoteTo(floats, half));
    hn::StoreU(hn::Mul(weights, sum), floats, out + i);
  }
  return i;
}

TERSE_INLINE std::size_t weighted_sum_bf16_vectors(const std::uint16_t* values, const float* base,
                                                   float weight, float* out, std::size_t n) {
  const Floats floats;
  const Words words;
  const hn::Rebind<std::uint16_t, Floats> halves;
  const auto weights = hn::Set(floats, weight);
  std::size_t i = 0;
  for (; i + hn::Lanes(floats) <= n; i += hn::Lanes(floats)) {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(words, hn::LoadU(halves, values + i)));
    const auto sum = hn::Add(hn::LoadU(floats, base + i), hn::BitCast(floats, bits));
    hn::StoreU(hn::Mul(weights, sum), floats, out + i);
  }
  return i;
}
#else
TERSE_INLINE std::size_t weighted_sum_fp16_vectors(const std::uint16_t*, const float*, float,
                                                   float*, std::size_t) {
  return 0;
}
TERSE_INLINE std::size_t weighted_sum_bf16_vectors(const std::uint16_t*, const float*, float,
                                                   float*, std::size_t) {
  return 0;
}
TERSE_INLINE std::size_t fp16_vectors(const float*, std::uint16_t*, std::size_t) { return 0; }
TERSE_INLINE std::size_t bf16_vectors(const float*, std::uint16_t*, std::size_t) { return 0; }
#endif

void to_fp16(const float* __restrict values, std::uint16_t* __restrict out, std::size_t n) {
  for (std::size_t i = fp16_vectors(values, out, n); i < n; ++i) out[i] = fp16_of(values[i]);
}
void from_fp16(const std::uint16_t* __restrict values, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = float_of_fp16(values[i]);
}
void add_fp16(const std::uint16_t* __restrict values, float* __restrict acc, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) acc[i] += float_of_fp16(values[i]);
}
void weighted_sum_fp16(const std::uint16_t* __restrict values, const float* base, float weight,
                       float* out, std::size_t n) {
  std::size_t i = weighted_sum_fp16_vectors(values, base, weight, out, n);
  TERSE_ELEMENTWISE
  for (; i < n; ++i) out[i] = weight * (base[i] + float_of_fp16(values[i]));
}
void residual_of_fp16(const std::uint16_t* __restrict values, const float* __restrict v,
                      float* __restrict residual, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) residual[i] = v[i] - float_of_fp16(values[i]);
}

void to_bf16(const float* __restrict values, std::uint16_t* __restrict out, std::size_t n) {
  for (std::size_t i = bf16_vectors(values, out, n); i < n; ++i) out[i] = bf16_of(values[i]);
}
void from_bf16(const std::uint16_t* __restrict values, float* __restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = float_of_bf16(values[i]);
}
void add_bf16(const std::uint16_t* __restrict values, float* __restrict acc, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) acc[i] += float_of_bf16(values[i]);
}
void weighted_sum_bf16(const std::uint16_t* __restrict values, const float* base, float weight,
                       float* out, std::size_t n) {
  std::size_t i = weighted_sum_bf16_vectors(values, base, weight, out, n);
  TERSE_ELEMENTWISE
  for (; i < n; ++i) out[i] = weight * (base[i] + float_of_bf16(values[i]));
}
void residual_of_bf16(const std::uint16_t* __restrict values, const float* __restrict v,
                      float* __restrict residual, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) residual[i] = v[i] - float_of_bf16(values[i]);
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {

HWY_EXPORT(to_fp16);
HWY_EXPORT(from_fp16);
HWY_EXPORT(add_fp16);
HWY_EXPORT(residual_of_fp16);
HWY_EXPORT(weighted_sum_fp16);
HWY_EXPORT(to_bf16);
HWY_EXPORT(from_bf16);
HWY_EXPORT(add_bf16);
HWY_EXPORT(residual_of_bf16);
HWY_EXPORT(weighted_sum_bf16);

void to_fp16(const float* values, std::uint16_t* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_fp16)(values, out, n);
}
void from_fp16(const std::uint16_t* values, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_fp16)(values, out, n);
}
void add_fp16(const std::uint16_t* values, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_fp16)(values, acc, n);
}
void to_bf16(const float* values, std::uint16_t* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(to_bf16)(values, out, n);
}
void from_bf16(const std::uint16_t* values, float* out, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(from_bf16)(values, out, n);
}
void add_bf16(const std::uint16_t* values, float* acc, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_bf16)(values, acc, n);
}
void residual_of_fp16(const std::uint16_t* values, const float* v, float* residual, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(residual_of_fp16)(values, v, residual, n);
}
void residual_of_bf16(const std::uint16_t* values, const float* v, float* residual, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(residual_of_bf16)(values, v, residual, n);
}
void weighted_sum_fp16(const std::uint16_t* values, const float* base, float weight, float* out,
                       std::size_t n) {
  HWY_DYNAMIC_DISPATCH(weighted_sum_fp16)(values, base, weight, out, n);
}
void weighted_sum_bf16(const std::uint16_t* values, const float* base, float weight, float* out,
                       std::size_t n) {
  HWY_DYNAMIC_DISPATCH(weighted_sum_bf16)(values, base, weight, out, n);
}

}  // namespace terse::kernels
#endif
