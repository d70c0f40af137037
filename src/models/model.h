// Models by name. make_model() is the only way from a job to a model; other programs may derive
// from Model, too.
//
// - mlp: flatten, a Linear and ReLU for each entry of `hidden`, a Linear to the classes (without an
//   entry: softmax regression).
// - lenet5: LeCun et al. 1998, figure 2, with ReLU, max-pooling and full connections between the
//   convolutions. Images of less than 32 pixels are padded by 2, which makes 28x28 the paper's
//   32x32.
// - convnet: conv 3x3 of 32, conv 3x3 of 64 (unpadded), max-pool 2, 128, the classes; ReLU between.
// - resnet20, resnet56, resnet110: He et al. 2016, section 4.2 (CIFAR form): 3 stages of 16, 32 and
//   64 channels, shortcuts without parameters (option A: every second pixel, channels of zeros
//   appended).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "terse/models/layers.h"
#include "terse/models/options.h"

namespace terse {

class Model : public torch::nn::Module {
 public:
  // float32 [samples, channels, height, width] -> logits [samples, classes]. Same input and thread
  // count, same bits.
  virtual at::Tensor forward(at::Tensor images) = 0;
};

// A model on the CPU, in training mode, whose values are a function of (seed, parameter name, index
// of the element). Throws JobError for an unknown name, an unsupported shape and a model too large
// for memory. Any number of threads may call it at once; does not use torch's default generator.
std::shared_ptr<Model> make_model(const ModelOptions& options, std::uint64_t seed);

// The layer of that name ("layer1.0.conv2"), to set its hooks. Throws JobError listing the names if
// there is none. The reference is valid as long as the model.
nn::Layer& find_layer(Model& model, std::string_view name);

}  // namespace terse
