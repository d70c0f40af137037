#include "terse/models/feedforward.h"

#include <algorithm>

#include "terse/base/error.h"

namespace terse::nn {
namespace {

void check_image_size(const ModelOptions& options, std::int64_t smallest) {
  if (std::min(options.height, options.width) < smallest) {
    fail<JobError>(
        "model '{}' needs images of at least {}x{} pixels, but these are {}x{}; use another "
        "model.name or larger images.",
        options.name, smallest, smallest, options.height, options.width);
  }
}

class Mlp : public Model {
 public:
  explicit Mlp(const ModelOptions& options) {
    std::int64_t width = options.channels * options.height * options.width;
    for (const std::int64_t next : options.hidden) {
      add(width, next);
      width = next;
    }
    add(width, options.classes);
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = layers_.front()->forward(images.flatten(1));
    for (std::size_t i = 1; i < layers_.size(); ++i) x = layers_[i]->forward(at::relu(x));
    return x;
  }

 private:
  void add(std::int64_t inputs, std::int64_t outputs) {
    const std::string name = fmt::format("fc{}", layers_.size() + 1);
    layers_.push_back(register_module(name, std::make_shared<Linear>(inputs, outputs)));
  }

  std::vector<std::shared_ptr<Linear>> layers_;
};

class LeNet5 : public Model {
 public:
  explicit LeNet5(const ModelOptions& o) {
    const std::int64_t padding = std::min(o.height, o.width) < 32 ? 2 : 0;
    const auto side = [&](std::int64_t pixels) { return ((pixels + 2 * padding - 4) / 2 - 4) / 2; };
    check_image_size(o, 12);
    conv1_ = register_module(
        "conv1", std::make_shared<Conv2d>(Conv2dOptions{
                     .inputs = o.channels, .outputs = 6, .kernel = 5, .padding = padding}));
    conv2_ = register_module(
        "conv2", std::make_shared<Conv2d>(Conv2dOptions{.inputs = 6, .outputs = 16, .kernel = 5}));
    fc1_ =
        register_module("fc1", std::make_shared<Linear>(16 * side(o.height) * side(o.width), 120));
    fc2_ = register_module("fc2", std::make_shared<Linear>(120, 84));
    fc3_ = register_module("fc3", std::make_shared<Linear>(84, o.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = at::max_pool2d(at::relu(conv1_->forward(images)), 2);
    x = at::max_pool2d(at::relu(conv2_->forward(x)), 2);
    x = at::relu(fc1_->forward(x.flatten(1)));
    return fc3_->forward(at::relu(fc2_->forward(x)));
  }

 private:
  std::shared_ptr<Conv2d> conv1_, conv2_;
  std::shared_ptr<Linear> fc1_, fc2_, fc3_;
};

class ConvNet : public Model {
 public:
  explicit ConvNet(const ModelOptions& o) {
    const auto side = [](std::int64_t pixels) { return (pixels - 4) / 2; };
    check_image_size(o, 6);
    conv1_ = register_module("conv1", std::make_shared<Conv2d>(Conv2dOptions{
                                          .inputs = o.channels, .outputs = 32, .kernel = 3}));
    conv2_ = register_module(
        "conv2", std::make_shared<Conv2d>(Conv2dOptions{.inputs = 32, .outputs = 64, .kernel = 3}));
    fc1_ =
        register_module("fc1", std::make_shared<Linear>(64 * side(o.height) * side(o.width), 128));
    fc2_ = register_module("fc2", std::make_shared<Linear>(128, o.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = at::relu(conv1_->forward(images));
    // ReLU after pooling gives the same result on a quarter of the elements.
    x = at::relu(at::max_pool2d(conv2_->forward(x), 2));
    return fc2_->forward(at::relu(fc1_->forward(x.flatten(1))));
  }

 private:
  std::shared_ptr<Conv2d> conv1_, conv2_;
  std::shared_ptr<Linear> fc1_, fc2_;
};

}  // namespace

std::shared_ptr<Model> make_mlp(const ModelOptions& options) {
  return std::make_shared<Mlp>(options);
}
std::shared_ptr<Model> make_lenet5(const ModelOptions& options) {
  return std::make_shared<LeNet5>(options);
}
std::shared_ptr<Model> make_convnet(const ModelOptions& options) {
  return std::make_shared<ConvNet>(options);
}

}  // namespace terse::nn
