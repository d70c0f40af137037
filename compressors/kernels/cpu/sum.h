// Element-wise sums of floats. Pointers of bytes need no alignment; nothing overlaps unless it is
// equal.
#pragma once

#include <cstddef>

namespace terse::kernels {

void add(const float* values, float* acc, std::size_t n);  // acc += values
void add_bytes(const std::byte* values, float* acc,
               std::size_t n);  // acc += values, stored as fp32
void scale(const float* values, float factor, float* out, std::size_t n);  // out = factor * values
void add_scaled(const float* values, float factor, float* acc,
                std::size_t n);  // acc += factor * values

}  // namespace terse::kernels
