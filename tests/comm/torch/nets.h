// What the tests of GradientReducer share: a small net whose values and batches are functions of
// names and numbers, and the comparison of gradients.
#pragma once

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <map>
#include <string>

#include "comm/transport/run_threads.h"
#include "terse/base/random.h"
#include "terse/comm/torch/gradient_reducer.h"

namespace terse::test {

inline constexpr std::int64_t kInputs = 40, kClasses = 10;

inline void fill(const at::Tensor& tensor, std::string_view purpose, std::uint64_t a = 0) {
  const at::NoGradGuard guard;
  const RandomStream stream(3, purpose, a);
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    tensor.data_ptr<float>()[i] = stream.uniform(static_cast<std::uint64_t>(i)) - 0.5f;
}

// Of its layers fc1.weight (1280 elements) is the one that codecs compress.
struct Net : torch::nn::Module {
  Net()
      : fc1(register_module("fc1", torch::nn::Linear(kInputs, 32))),
        fc2(register_module("fc2", torch::nn::Linear(32, kClasses))) {
    for (const auto& item : named_parameters()) fill(item.value(), item.key());
  }
  at::Tensor forward(const at::Tensor& x) { return fc2(at::relu(fc1(x))); }
  torch::nn::Linear fc1, fc2;
};

// `count` samples from sample `first` on of the batch `number`.
struct Samples {
  Samples(std::int64_t number, std::int64_t first, std::int64_t count)
      : images(at::empty({count, kInputs})), labels(at::empty({count}, at::kLong)) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto sample = static_cast<std::uint64_t>(1000 * number + first + i);
      fill(images[i], "sample", sample);
      labels[i] = static_cast<std::int64_t>(mix64(sample) % kClasses);
    }
  }
  at::Tensor images, labels;
};

template <class Module>
at::Tensor loss_of(Module& net, const Samples& samples) {
  return at::cross_entropy_loss(net.forward(samples.images), samples.labels);
}

using Gradients = std::map<std::string, at::Tensor>;

inline Gradients gradients_of(const torch::nn::Module& module) {
  Gradients gradients;
  for (const auto& item : module.named_parameters()) {
    if (item.value().grad().defined()) gradients[item.key()] = item.value().grad().detach().clone();
  }
  return gradients;
}

inline void expect_near(const at::Tensor& mine, const at::Tensor& expected, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(mine.sizes(), expected.sizes()) << what;
  const at::Tensor a = mine.detach().contiguous(), b = expected.detach().contiguous();
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data_ptr<float>()[i], y = b.data_ptr<float>()[i];
    ASSERT_TRUE(std::abs(x - y) <= tolerance * (1 + std::abs(y)))
        << what << " element " << i << ": " << x << " is not " << y;
  }
}

inline void expect_near(const Gradients& mine, const Gradients& expected, double tolerance) {
  ASSERT_EQ(mine.size(), expected.size());
  for (const auto& [name, gradient] : expected) {
    ASSERT_TRUE(mine.contains(name)) << name;
    expect_near(mine.at(name), gradient, tolerance, name);
  }
}

inline constexpr double kRounding = 1e-6;

inline CompressionOptions codec_words(const std::string& codec) {
  CompressionOptions words;
  words.codec.name = codec;
  words.bits = 4;
  words.density = 0.05;
  words.momentum = 0.9;
  return words;
}

}  // namespace terse::test
