// A batch's images and labels as tensors that share its memory: the batch must outlive them.
#pragma once

#include <torch/nn/module.h>

#include "terse/data/batch.h"

namespace terse {

inline at::Tensor images_of(const Batch& batch) {
  return at::from_blob(const_cast<float*>(batch.images.data()),
                       {batch.count, batch.shape.channels, batch.shape.height, batch.shape.width},
                       at::kFloat);
}

inline at::Tensor labels_of(const Batch& batch) {
  return at::from_blob(const_cast<std::int64_t*>(batch.labels.data()), {batch.count}, at::kLong);
}

}  // namespace terse
