// Which sample goes where: pure functions of sizes and seeds, with no data in sight.
#pragma once

#include <cstdint>
#include <vector>

namespace terse {

// A run of consecutive positions.
struct Slice {
  std::int64_t begin = 0, count = 0;
  friend bool operator==(const Slice&, const Slice&) = default;
};

// Part `index` of `whole` cut into `parts` consecutive pieces whose lengths differ by at most one,
// longer ones first.
Slice share(Slice whole, std::int64_t index, std::int64_t parts);

// The permutation of 0 .. samples - 1 in which an epoch visits them: Fisher-Yates, a function of
// seed and epoch alone.
std::vector<std::int64_t> epoch_order(std::int64_t samples, std::uint64_t seed, std::int64_t epoch);

// How an epoch's positions fall to steps, ranks and micro-batches. A step takes the next world *
// batch * accumulate positions, the last step what is left; it is shared among the ranks, and a
// rank's part among its micro-batches, so that in a full step each micro-batch has exactly `batch`
// and in the last one some may have none.
struct Sharding {
  std::int64_t samples = 0;
  std::int64_t batch = 1;       // per rank and micro-batch
  std::int64_t accumulate = 1;  // micro-batches per step
  std::int64_t rank = 0, world = 1;

  std::int64_t steps() const;
  Slice step(std::int64_t index) const;                                  // of all ranks
  Slice micro_batch(std::int64_t step_index, std::int64_t micro) const;  // of this rank
};

}  // namespace terse
