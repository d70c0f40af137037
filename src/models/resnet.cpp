#include "terse/models/resnet.h"

#include <algorithm>

#include "terse/base/error.h"

namespace terse::nn {
namespace {

std::shared_ptr<Conv2d> conv3x3(std::int64_t inputs, std::int64_t outputs, std::int64_t stride) {
  return std::make_shared<Conv2d>(Conv2dOptions{.inputs = inputs,
                                                .outputs = outputs,
                                                .kernel = 3,
                                                .stride = stride,
                                                .padding = 1,
                                                .bias = false,
                                                .init = Init::he_normal});
}

class Block : public torch::nn::Module {
 public:
  Block(std::int64_t inputs, std::int64_t outputs, std::int64_t stride)
      : stride_(stride),
        added_channels_(outputs - inputs),
        conv1_(register_module("conv1", conv3x3(inputs, outputs, stride))),
        bn1_(register_module("bn1", std::make_shared<BatchNorm2d>(outputs))),
        conv2_(register_module("conv2", conv3x3(outputs, outputs, 1))),
        bn2_(register_module("bn2", std::make_shared<BatchNorm2d>(outputs))) {}

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor inner = at::relu(bn1_->forward(conv1_->forward(x)));
    return at::relu(bn2_->forward(conv2_->forward(inner)) + shortcut(x));
  }

 private:
  at::Tensor shortcut(const at::Tensor& x) const {
    if (stride_ == 1 && added_channels_ == 0) return x;
    const at::Tensor thinned = x.slice(2, 0, x.size(2), stride_).slice(3, 0, x.size(3), stride_);
    return at::constant_pad_nd(thinned, {0, 0, 0, 0, 0, added_channels_}, 0);
  }

  std::int64_t stride_, added_channels_;
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm2d> bn1_;
  std::shared_ptr<Conv2d> conv2_;
  std::shared_ptr<BatchNorm2d> bn2_;
};

class CifarResNet : public Model {
 public:
  CifarResNet(const ModelOptions& options, std::int64_t blocks_per_stage)
      : conv1_(register_module("conv1", conv3x3(options.channels, 16, 1))),
        bn1_(register_module("bn1", std::make_shared<BatchNorm2d>(16))) {
    std::int64_t inputs = 16;
    for (int stage = 1; stage <= 3; ++stage) {
      const std::int64_t outputs = std::int64_t{8} << stage;
      const auto home =
          register_module(fmt::format("layer{}", stage), std::make_shared<torch::nn::Module>());
      for (std::int64_t i = 0; i < blocks_per_stage; ++i) {
        const std::int64_t stride = stage > 1 && i == 0 ? 2 : 1;
        const auto block = std::make_shared<Block>(inputs, outputs, stride);
        blocks_.push_back(home->register_module(std::to_string(i), block));
        inputs = outputs;
      }
    }
    fc_ = register_module("fc", std::make_shared<Linear>(inputs, options.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = at::relu(bn1_->forward(conv1_->forward(images)));
    for (const auto& block : blocks_) x = block->forward(x);
    return fc_->forward(x.mean({2, 3}));
  }

 private:
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm2d> bn1_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::shared_ptr<Linear> fc_;
};

}  // namespace

std::shared_ptr<Model> make_cifar_resnet(const ModelOptions& options,
                                         std::int64_t blocks_per_stage) {
  // A 4x4 image leaves one pixel in the last stage, and a rank's last batch may have one sample:
  // the variance of batch norm would be undefined.
  if (std::max(options.height, options.width) < 5) {
    fail<JobError>(
        "model '{}' needs images with a side of at least 5 pixels, but these are {}x{}; use "
        "another "
        "model.name or larger images.",
        options.name, options.height, options.width);
  }
  return std::make_shared<CifarResNet>(options, blocks_per_stage);
}

}  // namespace terse::nn
