// Batches for one of `world` ranks: shuffled, sharded, augmented, normalized, prefetched,
// resumable. A rank is a number here; nothing is communicated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "terse/data/batch.h"
#include "terse/data/dataset.h"
#include "terse/data/prefetcher.h"
#include "terse/data/sharding.h"

namespace terse {

enum class Augment { none, crop_flip };

struct LoaderOptions {
  std::int64_t batch = 32;      // per rank and micro-batch
  std::int64_t accumulate = 1;  // micro-batches per step
  std::int64_t rank = 0, world = 1;
  std::uint64_t seed = 1;
  Augment augment = Augment::none;
  bool normalize = true;
  std::size_t prefetch = 2;  // batches prepared by a background thread; 0: prepared by next()
};

// The training batches of one rank, epoch after epoch without end. Over the whole world, every
// epoch visits each sample exactly once. The samples of a step and their crops depend on seed,
// epoch and world * batch * accumulate alone, and a batch on its position alone, so that
// prefetching does not change it. Refers to the data set, which must outlive it and may be shared.
// One thread at a time may call it.
class Loader {
 public:
  // Throws JobError if an option is out of its range.
  Loader(const Dataset& data, const LoaderOptions& options);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The same on every rank.
  std::int64_t steps_per_epoch() const { return sharding_.steps(); }

  // Continues with the first micro-batch of this step; step_in_epoch = steps_per_epoch() means the
  // start of the next epoch. Throws Error if there is no such step.
  void seek(std::int64_t epoch, std::int64_t step_in_epoch);

  // Every micro-batch of every step in turn, including those without a sample.
  Batch next();

 private:
  struct Position {
    std::int64_t epoch = 0, step = 0, micro = 0;
  };
  Batch make();
  void advance();

  LoaderOptions options_;
  Sharding sharding_;
  BatchBuilder builder_;
  // Of the next batch to make. This and order_ belong to the background thread while it runs.
  Position position_;
  std::vector<std::int64_t> order_;
  std::int64_t order_epoch_ = -1;
  // Last, so that its thread ends before the members that it uses are destroyed.
  std::unique_ptr<Prefetcher<Batch>> prefetcher_;
};

// One rank's consecutive part of the test images, in batches, without augmentation. Parts differ by
// at most one image and may be empty. Refers to the data set, which must outlive it.
class TestLoader {
 public:
  // Throws JobError if an argument is out of its range.
  TestLoader(const Dataset& data, std::int64_t rank, std::int64_t world, std::int64_t batch,
             bool normalize);

  std::int64_t size() const { return part_.count; }
  std::int64_t batches() const;
  // global_count is the size of the whole test split; step_in_epoch is `index`.
  Batch at(std::int64_t index) const;

 private:
  IndexRange part_;
  std::int64_t batch_, total_;
  BatchBuilder builder_;
};

}  // namespace terse
