// The resolved job of a run, as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace terse {

// Every key ("train.batch") with its canonical value, in the order of the job's sections.
using JobRecord = std::vector<std::pair<std::string, std::string>>;

}  // namespace terse
