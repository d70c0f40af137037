// The squared norm of a gradient in a defined order, so that every machine clips alike.
#pragma once

#include <span>

namespace terse {

// In double: 32 interleaved partial sums, then a tree over them. Not finite where a value is not.
double squared_norm(std::span<const float> values);

}  // namespace terse
