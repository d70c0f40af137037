// fp32 <-> 16-bit floats, round to nearest even, using integer and fp32 arithmetic alone: the same
// bits on every machine. Values that round past the largest finite one become infinite, and the
// result of a NaN is unspecified: callers refuse both by their magnitude.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

// The bits of the smallest |v| that a type cannot hold after rounding.
inline constexpr std::uint32_t kFp32Limit = 0x7f800000u;
inline constexpr std::uint32_t kFp16Limit = 0x477ff000u;  // 65520: halfway between 65504 and 65536
inline constexpr std::uint32_t kBf16Limit = 0x7f7f8000u;

void to_fp16(const float* values, std::uint16_t* out, std::size_t n);
void from_fp16(const std::uint16_t* values, float* out, std::size_t n);
void add_fp16(const std::uint16_t* values, float* acc, std::size_t n);
// out = weight * (base + values).
void weighted_sum_fp16(const std::uint16_t* values, const float* base, float weight, float* out,
                       std::size_t n);
// residual = v - values, the rounded v.
void residual_of_fp16(const std::uint16_t* values, const float* v, float* residual, std::size_t n);

void to_bf16(const float* values, std::uint16_t* out, std::size_t n);
void from_bf16(const std::uint16_t* values, float* out, std::size_t n);
void add_bf16(const std::uint16_t* values, float* acc, std::size_t n);
// out = weight * (base + values).
void weighted_sum_bf16(const std::uint16_t* values, const float* base, float weight, float* out,
                       std::size_t n);
// residual = v - values, the rounded v.
void residual_of_bf16(const std::uint16_t* values, const float* v, float* residual, std::size_t n);

}  // namespace terse::kernels
