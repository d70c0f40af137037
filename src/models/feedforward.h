// The models that are a plain chain of layers. They take options that fit (see make_model) or throw
// a JobError, and leave their parameters uninitialized.
#pragma once

#include <memory>

#include "terse/models/model.h"

namespace terse::nn {

std::shared_ptr<Model> make_mlp(const ModelOptions& options);
std::shared_ptr<Model> make_lenet5(const ModelOptions& options);
std::shared_ptr<Model> make_convnet(const ModelOptions& options);

}  // namespace terse::nn
