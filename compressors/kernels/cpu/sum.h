// Element-wise sums of floats. Byte pointers need no alignment; arrays are equal or do not overlap.
#pragma once

#include <cstddef>

namespace terse::kernels {

// acc += values.
void add(const float* values, float* acc, std::size_t n);
// acc += values, which are fp32 in bytes.
void add_bytes(const std::byte* values, float* acc, std::size_t n);
// out = factor * values.
void scale(const float* values, float factor, float* out, std::size_t n);
// acc += factor * values.
void add_scaled(const float* values, float factor, float* acc, std::size_t n);

}  // namespace terse::kernels
