// Residual networks in their CIFAR form (He et al. 2016, section 4.2).
#pragma once

#include <cstdint>
#include <memory>

#include "terse/models/model.h"

namespace terse::nn {

// 6 n + 2 layers, n = blocks_per_stage. Leaves the parameters uninitialized. Throws JobError if the
// images are too small.
std::shared_ptr<Model> make_cifar_resnet(const ModelOptions& options,
                                         std::int64_t blocks_per_stage);

}  // namespace terse::nn
