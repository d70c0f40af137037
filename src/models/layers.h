// The layers that models are built from. LibTorch's modules have no forward hooks and no
// parametrizations, so ours carry two sockets, which cost the comparison of a pointer while empty:
//
// - transform: what the stored weight passes through before use (quantizer, mask, factorization).
// - tap: keeps what the layer put out.
//
// A layer is made without values: its parameters are uninitialized until initialize(), which draws
// from RandomStream and never from torch's default generator. A layer is for one thread at a time;
// several threads may make and initialize layers of their own at once. Images are float32 [samples,
// channels, height, width].
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

namespace terse::nn {

// Differentiable where the weight is to be trained; the result has the weight's shape.
class WeightTransform {
 public:
  virtual ~WeightTransform() = default;
  virtual at::Tensor apply(const at::Tensor& weight) = 0;
};

// A layer's latest output, part of the autograd graph; whoever asked for it resets it when the step
// is over.
struct Tap {
  at::Tensor output;
};

// How a weight is drawn; fan_in is the number of inputs that one output sums over.
enum class Init {
  uniform,    // U(-b, b), b = 1 / sqrt(fan_in), also for the bias: torch's default
  he_normal,  // N(0, 2 / fan_in): He et al. 2015, section 2.2
};

class Layer : public torch::nn::Module {
 public:
  // Fills parameters and buffers as a function of (seed, full_name, index of the element).
  // full_name is the layer's in its model, such as "layer1.0.conv2".
  virtual void initialize(std::uint64_t seed, const std::string& full_name) = 0;

  std::shared_ptr<WeightTransform> transform;
  std::shared_ptr<Tap> tap;

 protected:
  at::Tensor used(const at::Tensor& weight) const {
    return transform ? transform->apply(weight) : weight;
  }
  at::Tensor kept(at::Tensor output) const {
    if (tap) tap->output = output;
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
  std::int64_t inputs, outputs, kernel;  // channels, channels, side of the square window
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

// Ioffe and Szegedy 2015, with torch's constants (epsilon 1e-5, running statistics move by a
// tenth). In training a channel needs more than one value over the batch (an Error otherwise: its
// variance would poison the statistics); an empty batch leaves the statistics as they are.
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
