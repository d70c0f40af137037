#include "terse/models/model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "terse/base/error.h"
#include "terse/models/feedforward.h"
#include "terse/models/resnet.h"

namespace terse {
namespace {

template <std::int64_t kBlocksPerStage>
std::shared_ptr<Model> make_resnet(const ModelOptions& options) {
  return nn::make_cifar_resnet(options, kBlocksPerStage);
}

struct Entry {
  std::string_view name;
  std::shared_ptr<Model> (*make)(const ModelOptions&);
};

constexpr auto kModels = std::to_array<Entry>({
    {"mlp", nn::make_mlp},
    {"lenet5", nn::make_lenet5},
    {"convnet", nn::make_convnet},
    {"resnet20", make_resnet<3>},
    {"resnet56", make_resnet<9>},
    {"resnet110", make_resnet<18>},
});

const Entry& entry_of(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Entry& entry : kModels) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  fail<JobError>("model.name = '{}' is not a model; allowed are {}.", name, fmt::join(names, ", "));
}

void check_positive(const ModelOptions& o) {
  if (std::min({o.channels, o.height, o.width, o.classes}) < 1) {
    fail<JobError>(
        "model '{}' cannot be created for images of {}x{}x{} (channels, height, width) and {} "
        "classes: each must be at least 1.",
        o.name, o.channels, o.height, o.width, o.classes);
  }
  for (const std::int64_t width : o.hidden) {
    if (width < 1)
      fail<JobError>("model.hidden contains {}; every hidden width must be at least 1.", width);
  }
}

}  // namespace

std::shared_ptr<Model> make_model(const ModelOptions& options, std::uint64_t seed) {
  const Entry& entry = entry_of(options.name);
  check_positive(options);
  std::shared_ptr<Model> model;
  try {
    model = entry.make(options);
  } catch (const c10::Error& error) {  // sizes beyond memory or beyond 64 bits
    fail<JobError>("model '{}' cannot be created in these sizes: {}", options.name,
                   error.what_without_backtrace());
  }
  for (const auto& item : model->named_modules("", false)) {
    if (auto* layer = dynamic_cast<nn::Layer*>(item.value().get()))
      layer->initialize(seed, item.key());
  }
  return model;
}

nn::Layer& find_layer(Model& model, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& item : model.named_modules("", false)) {
    auto* layer = dynamic_cast<nn::Layer*>(item.value().get());
    if (!layer) continue;
    if (item.key() == name) return *layer;
    names.push_back(item.key());
  }
  fail<JobError>("the model has no layer '{}'; its layers are {}.", name, fmt::join(names, ", "));
}

}  // namespace terse
