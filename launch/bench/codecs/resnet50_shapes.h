// The parameters of ResNet-50 (He et al. 2016, table 1): 161 tensors, 25,557,032 elements, as a
// realistic gradient for benchmarks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terse {

struct TensorShape {
  std::string name;
  int dimensions;
  std::uint32_t elements;
  std::uint32_t rows;  // the first dimension
};

// In the order in which the backward pass completes them.
std::vector<TensorShape> resnet50_shapes();

}  // namespace terse
