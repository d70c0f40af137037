#include "terse/models/layers.h"

#include <cmath>
#include <span>

#include "terse/base/error.h"
#include "terse/base/hash.h"
#include "terse/base/random.h"

namespace terse::nn {
namespace {

RandomStream stream_of(std::uint64_t seed, const std::string& parameter) {
  return RandomStream(seed, "weights", hash64(parameter));
}

std::span<float> elements(const at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

void fill_uniform(const at::Tensor& tensor, const RandomStream& stream, double bound) {
  const auto scale = static_cast<float>(2 * bound), low = static_cast<float>(-bound);
  std::uint64_t index = 0;
  for (float& x : elements(tensor)) x = low + scale * stream.uniform(index++);
}

void fill_normal(const at::Tensor& tensor, const RandomStream& stream, double deviation) {
  const auto scale = static_cast<float>(deviation);
  std::uint64_t index = 0;
  for (float& x : elements(tensor)) x = scale * stream.normal(index++);
}

void draw_weight_and_bias(const at::Tensor& weight, const at::Tensor& bias, Init init,
                          std::uint64_t seed, const std::string& full_name) {
  const auto fan_in = static_cast<double>(weight.numel() / weight.size(0));
  const double bound = 1 / std::sqrt(fan_in);
  const RandomStream stream = stream_of(seed, full_name + ".weight");
  if (init == Init::he_normal) {
    fill_normal(weight, stream, std::sqrt(2 / fan_in));
  } else {
    fill_uniform(weight, stream, bound);
  }
  if (bias.defined()) fill_uniform(bias, stream_of(seed, full_name + ".bias"), bound);
}

}  // namespace

Linear::Linear(std::int64_t inputs, std::int64_t outputs)
    : weight(register_parameter("weight", torch::empty({outputs, inputs}))),
      bias(register_parameter("bias", torch::empty({outputs}))) {}

void Linear::initialize(std::uint64_t seed, const std::string& full_name) {
  draw_weight_and_bias(weight, bias, Init::uniform, seed, full_name);
}

at::Tensor Linear::forward(const at::Tensor& input) {
  return captured(at::linear(input, transformed(weight), bias));
}

Conv2d::Conv2d(const Conv2dOptions& options)
    : weight(register_parameter("weight", torch::empty({options.outputs, options.inputs,
                                                        options.kernel, options.kernel}))),
      options_(options) {
  if (options.bias) bias = register_parameter("bias", torch::empty({options.outputs}));
}

void Conv2d::initialize(std::uint64_t seed, const std::string& full_name) {
  draw_weight_and_bias(weight, bias, options_.init, seed, full_name);
}

at::Tensor Conv2d::forward(const at::Tensor& input) {
  return captured(at::conv2d(input, transformed(weight), bias, options_.stride, options_.padding));
}

BatchNorm2d::BatchNorm2d(std::int64_t channels)
    : weight(register_parameter("weight", torch::empty({channels}))),
      bias(register_parameter("bias", torch::empty({channels}))),
      running_mean(register_buffer("running_mean", torch::empty({channels}))),
      running_var(register_buffer("running_var", torch::empty({channels}))) {}

void BatchNorm2d::initialize(std::uint64_t, const std::string& full_name) {
  full_name_ = full_name;
  const at::NoGradGuard no_grad;
  weight.fill_(1);
  bias.zero_();
  running_mean.zero_();
  running_var.fill_(1);
}

at::Tensor BatchNorm2d::forward(const at::Tensor& input) {
  constexpr double kMomentum = 0.1, kEpsilon = 1e-5;
  if (is_training() && input.numel() == input.size(1)) {
    fail(
        "batch norm '{}' cannot train on one sample of {}x{} pixels: its variance is undefined; "
        "give every rank more samples per step or use larger images.",
        full_name_, input.size(2), input.size(3));
  }
  return captured(at::batch_norm(input, transformed(weight), bias, running_mean, running_var,
                                 is_training(), kMomentum, kEpsilon, /*cudnn_enabled=*/true));
}

}  // namespace terse::nn
