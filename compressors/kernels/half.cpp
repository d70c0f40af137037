#include "terse/compressors/kernels/half.h"

#include <bit>

#include "terse/compressors/kernels/dispatch.h"

namespace terse::kernels {
namespace {

// Without a branch, which would keep the compiler from vectorising.
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
  // Subnormal: the significand over the exponent of 2^-14, less 2^-14, which never computes with a
  // subnormal fp32.
  const float lifted =
      std::bit_cast<float>(magnitude + (113u << 23)) - std::bit_cast<float>(113u << 23);
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(lifted);
  std::uint32_t bits = choose(magnitude < (1u << 23), subnormal, magnitude + (112u << 23));
  bits = choose(magnitude >= (31u << 23), magnitude + (224u << 23), bits);
  return std::bit_cast<float>(bits | sign);
}

TERSE_INLINE std::uint16_t bf16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > kFp32Limit ? quiet : rounded);
}

TERSE_INLINE float float_of_bf16(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

}  // namespace

TERSE_KERNEL void to_fp16(const float* __restrict values, std::uint16_t* __restrict out,
                          std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = fp16_of(values[i]);
}
TERSE_KERNEL void from_fp16(const std::uint16_t* __restrict values, float* __restrict out,
                            std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = float_of_fp16(values[i]);
}
TERSE_KERNEL void add_fp16(const std::uint16_t* __restrict values, float* __restrict acc,
                           std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) acc[i] += float_of_fp16(values[i]);
}

TERSE_KERNEL void to_bf16(const float* __restrict values, std::uint16_t* __restrict out,
                          std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = bf16_of(values[i]);
}
TERSE_KERNEL void from_bf16(const std::uint16_t* __restrict values, float* __restrict out,
                            std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = float_of_bf16(values[i]);
}
TERSE_KERNEL void add_bf16(const std::uint16_t* __restrict values, float* __restrict acc,
                           std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) acc[i] += float_of_bf16(values[i]);
}

}  // namespace terse::kernels
