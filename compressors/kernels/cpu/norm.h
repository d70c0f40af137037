// The squared norm of a gradient, summed in a defined order so that every machine clips alike.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace terse {
namespace kernels {

// 32 interleaved partial sums.
using Partials = std::array<double, 32>;
void add_squares(const float* values, std::size_t n, Partials& into);
// Their sum as a tree: 16 pairs, 8 pairs, and so on.
double total_of(Partials sums);

}  // namespace kernels

// In double: 32 interleaved partial sums, then a tree over them. Not finite if a value is not.
double squared_norm(std::span<const float> values);

}  // namespace terse
