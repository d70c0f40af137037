// What a model is made from. No torch here: a job is translated into it by files that need none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terse {

struct ModelOptions {
  std::string name;
  std::int64_t channels = 1, height = 28, width = 28;  // of one image
  std::int64_t classes = 10;
  std::vector<std::int64_t> hidden = {};  // mlp only: the widths between input and classes
};

}  // namespace terse
