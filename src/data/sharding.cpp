#include "terse/data/sharding.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "terse/base/random.h"

namespace terse {

IndexRange split_evenly(IndexRange whole, std::int64_t index, std::int64_t parts) {
  const std::int64_t base = whole.count / parts, longer = whole.count % parts;
  return {whole.begin + index * base + std::min(index, longer), base + (index < longer ? 1 : 0)};
}

std::vector<std::int64_t> epoch_order(std::int64_t samples, std::uint64_t seed,
                                      std::int64_t epoch) {
  const RandomStream stream(seed, "shuffle", static_cast<std::uint64_t>(epoch));
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t last = order.size(); last-- > 1;) {
    std::swap(order[last], order[stream.below(last, last + 1)]);
  }
  return order;
}

std::int64_t Sharding::steps() const {
  const std::int64_t full = world * batch * accumulate;
  return samples / full + (samples % full != 0 ? 1 : 0);
}

IndexRange Sharding::step(std::int64_t index) const {
  const std::int64_t full = world * batch * accumulate, begin = index * full;
  return {begin, std::min(full, samples - begin)};
}

IndexRange Sharding::micro_batch(std::int64_t step_index, std::int64_t micro) const {
  return split_evenly(split_evenly(step(step_index), rank, world), micro, accumulate);
}

}  // namespace terse
