// Assigns samples to steps, ranks and micro-batches: pure functions of sizes and seeds.
#pragma once

#include <cstdint>
#include <vector>

namespace terse {

// Consecutive positions.
struct IndexRange {
  std::int64_t begin = 0, count = 0;
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

// Part `index` of `whole`, split into `parts` consecutive ranges whose lengths differ by at most
// one, longer ones first.
IndexRange split_evenly(IndexRange whole, std::int64_t index, std::int64_t parts);

// The order in which an epoch visits the samples 0 .. samples - 1: a Fisher-Yates permutation, a
// function of seed and epoch alone.
std::vector<std::int64_t> epoch_order(std::int64_t samples, std::uint64_t seed, std::int64_t epoch);

// Assigns an epoch's positions to steps, ranks and micro-batches. A step takes the next world *
// batch
// * accumulate positions, the last step the remaining ones; they are split evenly among the ranks,
// and a rank's part among its micro-batches. In a full step each micro-batch has exactly `batch`
// samples; in the last step some may be empty.
struct Sharding {
  std::int64_t samples = 0;
  std::int64_t batch = 1;       // per rank and micro-batch
  std::int64_t accumulate = 1;  // micro-batches per step
  std::int64_t rank = 0, world = 1;

  std::int64_t steps() const;
  IndexRange step(std::int64_t index) const;                                  // of all ranks
  IndexRange micro_batch(std::int64_t step_index, std::int64_t micro) const;  // of this rank
};

}  // namespace terse
