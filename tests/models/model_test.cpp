#include "terse/models/model.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "terse/base/error.h"
#include "terse/base/random.h"
#include "terse/models/state.h"

namespace terse::nn {
namespace {

// On a busy machine, OpenMP's spinning threads cost more than they save.
class OneThread : public testing::Environment {
 public:
  void SetUp() override { at::set_num_threads(1); }
};
const testing::Environment* const kOneThread = testing::AddGlobalTestEnvironment(new OneThread);

constexpr std::string_view kNames[] = {"mlp",      "lenet5",   "convnet",
                                       "resnet20", "resnet56", "resnet110"};

ModelOptions mnist(std::string_view name) {
  return {.name = std::string(name), .channels = 1, .height = 28, .width = 28, .hidden = {32, 16}};
}

ModelOptions cifar(std::string_view name) {
  return {.name = std::string(name), .channels = 3, .height = 32, .width = 32, .hidden = {32, 16}};
}

at::Tensor images_for(const ModelOptions& o, std::int64_t samples) {
  at::Tensor images = torch::empty({samples, o.channels, o.height, o.width});
  const RandomStream stream(3, "images");
  for (std::int64_t i = 0; i < images.numel(); ++i)
    images.mutable_data_ptr<float>()[i] = stream.normal(i);
  return images;
}

std::int64_t parameter_count(const ModelOptions& options) {
  std::int64_t count = 0;
  for (const auto& [name, parameter] : named_parameters_in_order(*make_model(options, 1)))
    count += parameter.numel();
  return count;
}

std::vector<std::string> names_of(const NamedTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

bool same_bits(const NamedTensors& a, const NamedTensors& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && at::equal(x.second, y.second);
  });
}

// One forward and backward; the gradients by name, and the logits as "".
NamedTensors gradients(Model& model, const at::Tensor& images) {
  const at::Tensor logits = model.forward(images);
  const at::Tensor labels = torch::arange(images.size(0), torch::kInt64) % logits.size(1);
  at::cross_entropy_loss(logits, labels).backward();
  NamedTensors result{{"", logits.detach()}};
  for (auto& [name, parameter] : named_parameters_in_order(model)) {
    result.emplace_back(name, parameter.grad());
    parameter.mutable_grad() = at::Tensor();
  }
  return result;
}

std::string error_of(const ModelOptions& options) {
  try {
    make_model(options, 1);
  } catch (const JobError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Models, ParameterCountsAreThePapers) {
  EXPECT_EQ(parameter_count(mnist("convnet")), 1'199'882);
  EXPECT_EQ(parameter_count(mnist("lenet5")), 61'706);
  EXPECT_EQ(parameter_count(cifar("lenet5")), 62'006);
  EXPECT_EQ(parameter_count(mnist("mlp")), 784 * 32 + 32 + 32 * 16 + 16 + 16 * 10 + 10);
  EXPECT_EQ(parameter_count(cifar("resnet20")), 269'722);
  EXPECT_EQ(parameter_count(cifar("resnet56")), 853'018);
  EXPECT_EQ(parameter_count(cifar("resnet110")), 1'727'962);
}

TEST(Models, MlpWithoutHiddenLayersIsSoftmaxRegression) {
  ModelOptions options = mnist("mlp");
  options.hidden = {};
  EXPECT_EQ(parameter_count(options), 7850);
}

TEST(Models, LogitsHaveTheShapeOfTheBatchAndTheClasses) {
  const at::NoGradGuard no_grad;
  for (const std::string_view name : kNames) {
    for (ModelOptions options : {mnist(name), cifar(name)}) {
      options.classes = 7;
      const auto model = make_model(options, 1);
      for (const std::int64_t samples : {0, 1, 3}) {
        const at::Tensor logits = model->forward(images_for(options, samples));
        EXPECT_EQ(logits.sizes(), (std::vector<std::int64_t>{samples, 7})) << name;
        EXPECT_TRUE(logits.isfinite().all().item<bool>()) << name;
      }
    }
  }
}

TEST(Models, ImagesNeedNotBeSquare) {
  const at::NoGradGuard no_grad;
  for (const std::string_view name : kNames) {
    const ModelOptions options{
        .name = std::string(name), .channels = 2, .height = 17, .width = 40, .hidden = {8}};
    EXPECT_EQ(make_model(options, 1)->forward(images_for(options, 2)).size(1), 10) << name;
  }
}

TEST(Models, GradientsReachEveryParameter) {
  for (const std::string_view name : kNames) {
    const ModelOptions options = mnist(name);
    const auto model = make_model(options, 1);
    const NamedTensors found = gradients(*model, images_for(options, 4));
    EXPECT_EQ(found.size(), named_parameters_in_order(*model).size() + 1);
    for (const auto& [parameter, gradient] : found) {
      ASSERT_TRUE(gradient.defined()) << name << " " << parameter;
      EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << name << " " << parameter;
      EXPECT_GT(gradient.abs().max().item<float>(), 0) << name << " " << parameter;
    }
  }
}

// A rank whose part of the last batch is empty contributes zeros.
TEST(Models, AnEmptyBatchHasNoGradient) {
  for (const std::string_view name : kNames) {
    const ModelOptions options = mnist(name);
    const auto model = make_model(options, 1), untouched = make_model(options, 1);
    model->forward(images_for(options, 0)).sum().backward();
    for (const auto& [parameter, tensor] : named_parameters_in_order(*model)) {
      EXPECT_TRUE(!tensor.grad().defined() || at::equal(tensor.grad(), torch::zeros_like(tensor)))
          << name << " " << parameter;
    }
    EXPECT_TRUE(same_bits(named_buffers_in_order(*model), named_buffers_in_order(*untouched)))
        << name;
  }
}

TEST(Models, ForwardAndBackwardTwiceGiveTheSameBits) {
  for (const std::string_view name : {"mlp", "lenet5", "convnet", "resnet20"}) {
    const ModelOptions options = cifar(name);
    const at::Tensor images = images_for(options, 8);
    const NamedTensors first = gradients(*make_model(options, 1), images);
    EXPECT_TRUE(same_bits(first, gradients(*make_model(options, 1), images))) << name;
  }
}

TEST(Models, StatisticsMoveInTrainingAndNotInEvaluation) {
  const ModelOptions options = cifar("resnet20");
  const auto model = make_model(options, 1), untouched = make_model(options, 1);
  EXPECT_TRUE(model->is_training());
  model->eval();
  model->forward(images_for(options, 4));
  EXPECT_TRUE(same_bits(named_buffers_in_order(*model), named_buffers_in_order(*untouched)));
  model->train();
  model->forward(images_for(options, 4));
  const NamedTensors before = named_buffers_in_order(*untouched),
                     after = named_buffers_in_order(*model);
  ASSERT_EQ(after.size(), 38u);  // mean and variance of 19 layers
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_FALSE(at::equal(before[i].second, after[i].second)) << after[i].first;
    EXPECT_TRUE(after[i].second.isfinite().all().item<bool>()) << after[i].first;
  }
}

// An untrained network preserves the scale of its input; with a wrong standard deviation, 110
// layers would not.
TEST(Models, LogitsOfAFreshModelAreOfOrderOne) {
  const at::NoGradGuard no_grad;
  for (const std::string_view name : kNames) {
    const ModelOptions options = cifar(name);
    const float largest =
        make_model(options, 1)->forward(images_for(options, 8)).abs().max().item<float>();
    EXPECT_GT(largest, 0.01) << name;
    EXPECT_LT(largest, 20) << name;
  }
}

// He et al. 2016, option A, by hand: a second stage with zero convolutions returns its shortcut.
TEST(Models, ResNetShortcutTakesEverySecondPixelAndAppendsZeroChannels) {
  const at::NoGradGuard no_grad;
  const ModelOptions options = cifar("resnet20");
  const auto model = make_model(options, 1);
  model->eval();
  for (auto& [name, parameter] : named_parameters_in_order(*model)) {
    if (name.starts_with("layer2.0.bn2.")) parameter.zero_();
  }
  const auto capture_of = [&](std::string_view name) {
    return find_layer(*model, name).capture = std::make_shared<OutputCapture>();
  };
  const auto inner = capture_of("layer1.1.bn2"), last = capture_of("layer1.2.bn2"),
             next = capture_of("layer2.1.conv1");
  const auto stem = capture_of("bn1"), first = capture_of("layer1.0.bn2");
  model->forward(images_for(options, 2));

  at::Tensor x = at::relu(stem->output);
  for (const auto& capture : {first, inner, last}) x = at::relu(capture->output + x);
  const at::Tensor shortcut =
      at::cat({x.index({torch::indexing::Slice(), torch::indexing::Slice(),
                        torch::indexing::Slice(0, torch::indexing::None, 2),
                        torch::indexing::Slice(0, torch::indexing::None, 2)}),
               torch::zeros({2, 16, 16, 16})},
              1);
  const at::Tensor expected = at::conv2d(
      shortcut, dynamic_cast<Conv2d&>(find_layer(*model, "layer2.1.conv1")).weight, {}, 1, 1);
  EXPECT_TRUE(at::allclose(next->output, expected, 1e-4, 1e-5));
}

TEST(MakeModel, ThreadsMakeEqualModelsAndLeaveTheDefaultGeneratorAlone) {
  const at::Tensor before = at::globalContext().defaultGenerator(at::kCPU).get_state();
  for (const std::string_view name : {"mlp", "lenet5", "convnet", "resnet20"}) {
    std::vector<std::shared_ptr<Model>> models(4);
    std::vector<std::thread> threads;
    for (auto& model : models) threads.emplace_back([&] { model = make_model(cifar(name), 11); });
    for (std::thread& thread : threads) thread.join();
    const NamedTensors first = named_parameters_in_order(*make_model(cifar(name), 11));
    for (const auto& model : models) {
      EXPECT_TRUE(same_bits(first, named_parameters_in_order(*model))) << name;
    }
    EXPECT_FALSE(same_bits(first, named_parameters_in_order(*make_model(cifar(name), 12)))) << name;
  }
  EXPECT_TRUE(at::equal(before, at::globalContext().defaultGenerator(at::kCPU).get_state()));
}

TEST(MakeModel, InitializesEverythingWhateverTheMemoryHeld) {
  for (const std::string_view name : kNames) {
    const auto model = make_model(mnist(name), 1);
    for (const auto& tensors :
         {named_parameters_in_order(*model), named_buffers_in_order(*model)}) {
      for (const auto& [parameter, tensor] : tensors) {
        EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name << " " << parameter;
        EXPECT_LE(tensor.abs().max().item<float>(), 6) << name << " " << parameter;
      }
    }
  }
}

TEST(MakeModel, NamesAreReadableAndInOrder) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_of(named_parameters_in_order(*make_model(mnist("mlp"), 1))),
            (Names{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"}));
  EXPECT_EQ(names_of(named_parameters_in_order(*make_model(mnist("convnet"), 1))),
            (Names{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight",
                   "fc1.bias", "fc2.weight", "fc2.bias"}));
  EXPECT_EQ(names_of(named_parameters_in_order(*make_model(mnist("lenet5"), 1))),
            (Names{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight",
                   "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"}));
  const auto resnet = make_model(cifar("resnet20"), 1);
  const Names parameters = names_of(named_parameters_in_order(*resnet));
  ASSERT_EQ(parameters.size(), 59u);  // 19 convolutions, 19 x 2 of batch norm, 2 of fc
  EXPECT_EQ((Names{parameters.begin(), parameters.begin() + 6}),
            (Names{"conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight",
                   "layer1.0.bn1.weight", "layer1.0.bn1.bias"}));
  EXPECT_EQ(parameters[58 - 1], "fc.weight");
  EXPECT_EQ(parameters[58], "fc.bias");
  EXPECT_EQ((std::set<std::string>{parameters.begin(), parameters.end()}).size(),
            parameters.size());
  const Names buffers = names_of(named_buffers_in_order(*resnet));
  EXPECT_EQ((Names{buffers.begin(), buffers.begin() + 3}),
            (Names{"bn1.running_mean", "bn1.running_var", "layer1.0.bn1.running_mean"}));
}

TEST(MakeModel, UnknownNameListsTheModels) {
  EXPECT_EQ(error_of(mnist("convnett")),
            "model.name = 'convnett' is not a model; allowed are mlp, lenet5, convnet, resnet20, "
            "resnet56, resnet110.");
}

TEST(MakeModel, ImpossibleShapesAreOneSentence) {
  const auto with_side = [](std::string_view name, std::int64_t side) {
    return ModelOptions{.name = std::string(name), .channels = 1, .height = side, .width = side};
  };
  for (const auto& [name, smallest] :
       {std::pair{"mlp", 1}, {"lenet5", 12}, {"convnet", 6}, {"resnet20", 5}}) {
    const ModelOptions fits = with_side(name, smallest);
    const at::NoGradGuard no_grad;
    EXPECT_EQ(make_model(fits, 1)->forward(images_for(fits, 1)).size(1), 10) << name;
    EXPECT_NE(error_of(with_side(name, smallest - 1)).find(std::string("model '") + name + "'"),
              std::string::npos)
        << error_of(with_side(name, smallest - 1));
  }
  ModelOptions options = mnist("convnet");
  options.classes = 0;
  EXPECT_NE(error_of(options).find("0 classes"), std::string::npos) << error_of(options);
  options = mnist("mlp");
  options.hidden = {32, 0};
  EXPECT_NE(error_of(options).find("model.hidden contains 0"), std::string::npos)
      << error_of(options);
  options.hidden = {std::int64_t{1} << 40, std::int64_t{1} << 40};
  EXPECT_NE(error_of(options).find("cannot be created in these sizes"), std::string::npos)
      << error_of(options);
  EXPECT_EQ(error_of(options).find('\n'), std::string::npos) << error_of(options);
}

TEST(FindLayer, PlugsIntoAModelAndKnowsTheNames) {
  class Tripling : public WeightTransform {
   public:
    at::Tensor apply(const at::Tensor& weight) override { return weight * 3; }
  };
  const at::NoGradGuard no_grad;
  const ModelOptions options = mnist("convnet");
  const auto model = make_model(options, 1);
  const at::Tensor images = images_for(options, 2);
  const at::Tensor plain = model->forward(images);
  Layer& last = find_layer(*model, "fc2");
  const at::Tensor bias = dynamic_cast<Linear&>(last).bias;
  last.transform = std::make_shared<Tripling>();
  last.capture = std::make_shared<OutputCapture>();
  const at::Tensor tripled = model->forward(images);
  EXPECT_TRUE(at::allclose(tripled - bias, 3 * (plain - bias), 1e-4, 1e-5));
  EXPECT_TRUE(at::equal(last.capture->output, tripled));
  try {
    find_layer(*model, "fc9");
    FAIL() << "a layer 'fc9' was found";
  } catch (const JobError& error) {
    EXPECT_STREQ(error.what(),
                 "the model has no layer 'fc9'; its layers are conv1, conv2, fc1, fc2.");
  }
}

}  // namespace
}  // namespace terse::nn
