#include "terse/models/layers.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "terse/base/error.h"
#include "terse/base/hash.h"
#include "terse/base/random.h"

namespace terse::nn {
namespace {

class Doubling : public WeightTransform {
 public:
  at::Tensor apply(const at::Tensor& weight) override { return weight * 2; }
};

at::Tensor ramp(at::IntArrayRef shape) {
  const std::int64_t count = c10::multiply_integers(shape);
  return torch::arange(count, torch::kFloat32).reshape(shape) / static_cast<double>(count) - 0.3;
}

template <class L>
L initialized(L layer, const std::string& name = "layer") {
  layer.initialize(7, name);
  return layer;
}

TEST(Linear, MultipliesAndAdds) {
  Linear layer(2, 3);
  const at::NoGradGuard no_grad;
  layer.weight.copy_(torch::tensor({{1.f, 2.f}, {3.f, 4.f}, {5.f, 6.f}}));
  layer.bias.copy_(torch::tensor({10.f, 20.f, 30.f}));
  const at::Tensor output = layer.forward(torch::tensor({{1.f, -1.f}}));
  EXPECT_TRUE(at::equal(output, torch::tensor({{9.f, 19.f, 29.f}})));
}

TEST(Linear, DrawsAFunctionOfSeedNameAndIndex) {
  const Linear layer = initialized(Linear(5, 3), "fc1");
  const RandomStream stream(7, "weights", hash64("fc1.weight"));
  const double bound = 1 / std::sqrt(5.0);
  for (std::int64_t i = 0; i < 15; ++i) {
    EXPECT_NEAR(layer.weight.flatten()[i].item<float>(), bound * (2 * stream.uniform(i) - 1), 1e-6);
  }
  EXPECT_FALSE(at::equal(layer.weight, initialized(Linear(5, 3), "fc2").weight));
  EXPECT_FALSE(at::equal(layer.weight.flatten().slice(0, 0, 3), layer.bias));
}

TEST(Conv2d, StrideAndPaddingAreTheWindowsOwn) {
  Conv2d layer({.inputs = 1, .outputs = 1, .kernel = 3, .stride = 2, .padding = 1, .bias = false});
  const at::NoGradGuard no_grad;
  layer.weight.fill_(1);
  const at::Tensor output = layer.forward(torch::ones({1, 1, 4, 4}));
  EXPECT_TRUE(at::equal(output, torch::tensor({4.f, 6.f, 6.f, 9.f}).reshape({1, 1, 2, 2})));
  EXPECT_FALSE(layer.bias.defined());
}

TEST(Conv2d, UniformFillsItsBoundOfFanIn) {
  const Conv2d layer = initialized(Conv2d({.inputs = 32, .outputs = 64, .kernel = 3}));
  const double bound = 1 / std::sqrt(32 * 9.0);
  EXPECT_LE(layer.weight.abs().max().item<float>(), bound * (1 + 1e-6));
  EXPECT_GE(layer.weight.max().item<float>(), 0.99 * bound);
  EXPECT_LE(layer.weight.min().item<float>(), -0.99 * bound);
  EXPECT_LE(layer.bias.abs().max().item<float>(), bound * (1 + 1e-6));
}

TEST(Conv2d, HeNormalHasTheVarianceOfFanIn) {
  const Conv2d layer =
      initialized(Conv2d({.inputs = 32, .outputs = 64, .kernel = 3, .init = Init::he_normal}));
  const double variance = 2 / (32 * 9.0), count = layer.weight.numel();
  const double mean = layer.weight.mean().item<double>();
  EXPECT_LT(std::abs(mean), 5 * std::sqrt(variance / count));  // five standard errors
  EXPECT_LT(std::abs(layer.weight.var().item<double>() / variance - 1), 5 * std::sqrt(2 / count));
  EXPECT_GT(layer.weight.abs().max().item<float>(),
            3 * std::sqrt(variance));  // it has a normal's tails
}

TEST(BatchNorm2d, NormalizesByTheBatchAndMovesItsStatisticsInTraining) {
  BatchNorm2d layer = initialized(BatchNorm2d(3));
  const at::Tensor input = ramp({4, 3, 2, 2}) * 5;
  const at::Tensor output = layer.forward(input);
  EXPECT_TRUE(at::allclose(output.mean({0, 2, 3}), torch::zeros({3}), 0, 1e-5));
  EXPECT_TRUE(at::allclose(output.var({0, 2, 3}, /*unbiased=*/false), torch::ones({3}), 1e-4));
  EXPECT_TRUE(at::allclose(layer.running_mean, 0.1 * input.mean({0, 2, 3}), 1e-5));
  EXPECT_TRUE(
      at::allclose(layer.running_var, 0.9 + 0.1 * input.var({0, 2, 3}, /*unbiased=*/true), 1e-5));
}

TEST(BatchNorm2d, UsesItsStatisticsAndLeavesThemInEvaluation) {
  BatchNorm2d layer = initialized(BatchNorm2d(3));
  layer.eval();
  layer.running_mean.fill_(1);
  layer.running_var.fill_(4);
  const at::Tensor input = ramp({4, 3, 2, 2});
  EXPECT_TRUE(at::allclose(layer.forward(input), (input - 1) / 2, 1e-4));
  EXPECT_TRUE(at::equal(layer.running_mean, torch::ones({3})));
  EXPECT_TRUE(at::equal(layer.running_var, torch::full({3}, 4.f)));
}

TEST(BatchNorm2d, AnEmptyBatchMovesNothing) {
  BatchNorm2d layer = initialized(BatchNorm2d(3));
  EXPECT_EQ(layer.forward(torch::empty({0, 3, 2, 2})).numel(), 0);
  EXPECT_TRUE(at::equal(layer.running_mean, torch::zeros({3})));
  EXPECT_TRUE(at::equal(layer.running_var, torch::ones({3})));
}

TEST(BatchNorm2d, RefusesToTrainOnOneValuePerChannel) {
  BatchNorm2d layer = initialized(BatchNorm2d(3), "layer3.0.bn1");
  try {
    layer.forward(ramp({1, 3, 1, 1}));
    FAIL() << "one value per channel was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'layer3.0.bn1'"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(at::equal(layer.running_var, torch::ones({3})));
  layer.eval();
  EXPECT_EQ(layer.forward(ramp({1, 3, 1, 1})).numel(), 3);
}

// Each kind of layer must give the output that a doubled weight implies.
template <class L>
void expect_working_hooks(L layer, const at::Tensor& input) {
  layer.initialize(7, "layer");
  layer.eval();
  EXPECT_EQ(layer.transform, nullptr);
  EXPECT_EQ(layer.capture, nullptr);
  const at::Tensor plain = layer.forward(input);
  const at::Tensor offset =
      layer.forward(torch::zeros_like(input));  // the bias alone, for linear layers

  layer.capture = std::make_shared<OutputCapture>();
  layer.transform = std::make_shared<Doubling>();
  const at::Tensor doubled = layer.forward(input);
  EXPECT_TRUE(at::allclose(doubled, 2 * plain - offset, 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(doubled, plain, 1e-4, 1e-5));
  EXPECT_TRUE(layer.capture->output.is_same(doubled));

  const at::Tensor through =
      torch::autograd::grad({layer.capture->output.sum()}, {layer.weight})[0];
  layer.transform = nullptr;
  const at::Tensor direct = torch::autograd::grad({layer.forward(input).sum()}, {layer.weight})[0];
  EXPECT_TRUE(at::allclose(through, 2 * direct, 1e-4, 1e-5));
  EXPECT_GT(direct.abs().max().item<float>(), 0);
}

TEST(Hooks, LinearTransformsItsWeightAndIsCaptured) {
  expect_working_hooks(Linear(6, 4), ramp({3, 6}));
}

TEST(Hooks, Conv2dTransformsItsWeightAndIsCaptured) {
  expect_working_hooks(Conv2d({.inputs = 2, .outputs = 3, .kernel = 3}), ramp({2, 2, 5, 5}));
}

TEST(Hooks, BatchNorm2dTransformsItsWeightAndIsCaptured) {
  expect_working_hooks(BatchNorm2d(2), ramp({3, 2, 4, 4}));
}

}  // namespace
}  // namespace terse::nn
