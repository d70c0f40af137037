// A model's parameters and buffers by full name ("layer1.0.conv2.weight"), in the order in which
// its layers were registered: the same on every rank and in every run. The tensors are not copies.
#pragma once

#include <torch/nn/module.h>

#include <string>
#include <utility>
#include <vector>

namespace terse {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

inline NamedTensors named_parameters_in_order(const torch::nn::Module& module) {
  return module.named_parameters().pairs();
}

inline NamedTensors named_buffers_in_order(const torch::nn::Module& module) {
  return module.named_buffers().pairs();
}

}  // namespace terse
