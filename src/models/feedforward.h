// The feedforward models without residual connections. Each leaves its parameters uninitialized and
// throws JobError for unsupported options (see make_model()).
#pragma once

#include <memory>

#include "terse/models/model.h"

namespace terse::nn {

std::shared_ptr<Model> make_mlp(const ModelOptions& options);
std::shared_ptr<Model> make_lenet5(const ModelOptions& options);
std::shared_ptr<Model> make_convnet(const ModelOptions& options);

}  // namespace terse::nn
