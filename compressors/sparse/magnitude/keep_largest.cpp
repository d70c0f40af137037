#include "terse/compressors/sparse/magnitude/keep_largest.h"

#include <algorithm>
#include <functional>

namespace terse {

LargestFilter::LargestFilter(std::span<const float> values, std::uint32_t k,
                             std::span<std::uint32_t> work) {
  const auto order = work.first(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = kernels::magnitude(values[i]);
  std::nth_element(order.begin(), order.begin() + (k - 1), order.end(), std::greater<>());
  least_ = order[k - 1];
  ties_ = static_cast<std::uint32_t>(std::count(order.begin(), order.begin() + k, least_));
}

}  // namespace terse
