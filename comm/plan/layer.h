// A layer: one parameter tensor as the communication layer sees it.
#pragma once

#include <cstdint>
#include <string>

#include "terse/base/hash.h"

namespace terse {

struct Layer {
  std::string name;        // the parameter's name; the key of its slots
  float* grad = nullptr;   // its view in the gradient arena, 64-byte aligned; never moves
  std::uint32_t size = 0;  // elements
  int dimensions = 0;      // of the tensor; vectors are sent dense
  std::uint32_t rows = 0;  // its first dimension, if it has two or more

  std::uint64_t key() const { return hash64(name); }
};

}  // namespace terse
