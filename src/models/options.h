// The options of a model, without LibTorch, for files that do not need it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terse {

struct ModelOptions {
  std::string name;
  std::int64_t channels = 1, height = 28, width = 28;  // of one image
  std::int64_t classes = 10;
  std::vector<std::int64_t> hidden = {};  // mlp only: widths of the hidden layers
};

}  // namespace terse
