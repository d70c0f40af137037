// The layers of the models. LibTorch's modules have no forward hooks and no parametrizations, so
// these layers have two hooks, which cost a pointer comparison while they are null:
//
// - transform: applied to the stored weight before use (quantizer, mask, factorization).
// - capture: stores the layer's output.
//
// The parameters of a new layer are uninitialized until initialize(), which draws from RandomStream
// and never from torch's default generator. One thread at a time may use a layer; several threads
// may create and initialize their own layers at once. Images are float32 [samples, channels,
// height, width].
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

namespace terse::nn {

// Must be differentiable if the weight is trained; the result has the weight's shape.
class WeightTransform {
 public:
  virtual ~WeightTransform() = default;
  virtual at::Tensor apply(const at::Tensor& weight) = 0;
};

// A layer's latest output, part of the autograd graph. Reset `output` after each step to free it.
struct OutputCapture {
  at::Tensor output;
};

// The distribution of a weight's initial values; fan_in is the number of inputs of one output.
enum class Init {
  uniform,    // U(-b, b), b = 1 / sqrt(fan_in), also for the bias: PyTorch's default
  he_normal,  // N(0, 2 / fan_in): He et al. 2015, section 2.2
};

class Layer : public torch::nn::Module {
 public:
  // Sets parameters and buffers as a function of (seed, full_name, index of the element). full_name
  // is the layer's name in its model, such as "layer1.0.conv2".
  virtual void initialize(std::uint64_t seed, const std::string& full_name) = 0;

  std::shared_ptr<WeightTransform> transform;
  std::shared_ptr<OutputCapture> capture;

 protected:
  at::Tensor transformed(const at::Tensor& weight) const {
    return transform ? transform->apply(weight) : weight;
  }
  at::Tensor captured(at::Tensor output) const {
    if (capture) capture->output = output;
    return output;
  }
};

// [samples, inputs] -> [samples, outputs].
class Linear : public Layer {
 public:
  Linear(std::int64_t inputs, std::int64_t outputs);
  void initialize(std::uint64_t seed, const std::string& full_name) override;
  at::Tensor forward(const at::Tensor& input);

  at::Tensor weight, bias;
};

struct Conv2dOptions {
  std::int64_t inputs, outputs, kernel;  // channels, channels, side length of the window
  std::int64_t stride = 1, padding = 0;
  bool bias = true;
  Init init = Init::uniform;
};

class Conv2d : public Layer {
 public:
  explicit Conv2d(const Conv2dOptions& options);
  void initialize(std::uint64_t seed, const std::string& full_name) override;
  at::Tensor forward(const at::Tensor& input);

  at::Tensor weight, bias;  // bias is undefined where options.bias is false

 private:
  Conv2dOptions options_;
};

// Ioffe and Szegedy 2015, with PyTorch's constants (epsilon 1e-5, momentum 0.1). In training a
// channel needs more than one value over the batch (Error otherwise: the variance is undefined); an
// empty batch leaves the running statistics unchanged.
class BatchNorm2d : public Layer {
 public:
  explicit BatchNorm2d(std::int64_t channels);
  void initialize(std::uint64_t seed, const std::string& full_name) override;
  at::Tensor forward(const at::Tensor& input);

  at::Tensor weight, bias;
  at::Tensor running_mean, running_var;

 private:
  std::string full_name_;
};

}  // namespace terse::nn
