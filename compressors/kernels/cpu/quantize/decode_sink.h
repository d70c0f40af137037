// What an encoder writes besides codes: the values that a receiver will decode.
#pragma once

#include <cstddef>

namespace terse::kernels {

// difference: each value less its decoded value.
enum class DecodeOutput { nothing, decoded, difference };

struct DecodeSink {
  DecodeOutput output = DecodeOutput::nothing;
  float* to = nullptr;  // null if output is nothing

  // The sink of the elements from i on.
  DecodeSink from(std::size_t i) const { return {output, to == nullptr ? nullptr : to + i}; }
};

}  // namespace terse::kernels
