// Batches for one of `world` ranks: shuffled, sharded, augmented, normalized, loaded ahead,
// resumable. Ranks are two integers here; nothing is communicated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "terse/data/batch.h"
#include "terse/data/dataset.h"
#include "terse/data/order.h"
#include "terse/data/prefetcher.h"

namespace terse {

enum class Augment { none, crop_flip };

struct LoaderOptions {
  std::int64_t batch = 32;      // per rank and micro-batch
  std::int64_t accumulate = 1;  // micro-batches per step
  std::int64_t rank = 0, world = 1;
  std::uint64_t seed = 1;
  Augment augment = Augment::none;
  bool normalize = true;
  std::size_t prefetch = 2;  // batches made ahead by a background thread; 0: made when asked for
};

// The training batches of one rank, epoch after epoch without end. Every sample comes exactly once
// per epoch over the whole world; which samples make a step, and how each is cut, depends on seed,
// epoch and world * batch * accumulate, and a batch on nothing but its place, so that any prefetch
// gives the same ones. Refers to the data set, which must outlive it and may be shared. One thread
// at a time may call it.
class Loader {
 public:
  // Throws JobError if an option is out of its range.
  Loader(const Dataset& data, const LoaderOptions& options);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The same on every rank.
  std::int64_t steps_per_epoch() const { return sharding_.steps(); }

  // The next batch will be the first micro-batch of this step; step_in_epoch = steps_per_epoch() is
  // the next epoch's start. Throws Error if there is no such step.
  void seek(std::int64_t epoch, std::int64_t step_in_epoch);

  // Every micro-batch of every step in turn, those without a sample included.
  Batch next();

 private:
  struct Place {
    std::int64_t epoch = 0, step = 0, micro = 0;
  };
  Batch make();
  void advance();

  LoaderOptions options_;
  Sharding sharding_;
  ImageWriter writer_;
  Place place_;  // of the next batch to be made; this and order_ belong to the background thread
                 // while there is one
  std::vector<std::int64_t> order_;
  std::int64_t order_epoch_ = -1;
  std::unique_ptr<Prefetcher<Batch>>
      prefetcher_;  // last, so that its thread ends before anything it uses
};

// One rank's consecutive share of the test images, in batches; no augmentation. Shares differ by at
// most one image and may be empty. Refers to the data set, which must outlive it.
class EvalShard {
 public:
  // Throws JobError if an argument is out of its range.
  EvalShard(const Dataset& data, std::int64_t rank, std::int64_t world, std::int64_t batch,
            bool normalize);

  std::int64_t size() const { return share_.count; }
  std::int64_t batches() const;
  // global_count is the size of the whole test split; step_in_epoch is `index`.
  Batch at(std::int64_t index) const;

 private:
  Slice share_;
  std::int64_t batch_, total_;
  ImageWriter writer_;
};

}  // namespace terse
