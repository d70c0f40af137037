#include "terse/launch/measuring.h"

#include <algorithm>
#include <charconv>

#include "terse/base/error.h"

namespace terse {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

int count_of(const Arguments& arguments, const std::string& name, int otherwise) {
  const auto found = arguments.switches.find(name);
  if (found == arguments.switches.end()) return otherwise;
  int value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc{} || stop != end || value < 1)
    fail<JobError>("--{} is '{}'; it must be a whole number from 1.", name, found->second);
  return value;
}

}  // namespace terse
