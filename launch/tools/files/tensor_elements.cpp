#include "terse/base/error.h"
#include "terse/launch/tools/files/tensor_file.h"

namespace terse {

std::uint32_t elements_of(const std::vector<std::uint64_t>& shape, const std::string& where) {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 31) - 1;
  if (shape.empty()) fail<JobError>("{} is a single number; only tensors are encoded.", where);
  if (shape.size() > 8) fail<JobError>("{} has {} dimensions; at most 8 are.", where, shape.size());
  std::uint64_t n = 1;
  for (const std::uint64_t size : shape) {
    if (size == 0) fail<JobError>("{} is empty.", where);
    if (size > kMost / n) fail<JobError>("{} has 2^31 elements or more.", where);
    n *= size;
  }
  return static_cast<std::uint32_t>(n);
}

}  // namespace terse
