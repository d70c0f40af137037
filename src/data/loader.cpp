#include "terse/data/loader.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "terse/base/error.h"

namespace terse {
namespace {

void require_rank(std::int64_t rank, std::int64_t world) {
  if (world >= 1 && rank >= 0 && rank < world) return;
  fail<JobError>("rank {} of a world of {} cannot load data; ranks are 0 to world - 1.", rank,
                 world);
}

void require_positive(std::int64_t value, const char* key) {
  if (value < 1) fail<JobError>("{} is {}; it must be at least 1.", key, value);
}

Sharding shard(const Dataset& data, const LoaderOptions& options) {
  require_rank(options.rank, options.world);
  require_positive(options.batch, "train.batch");
  require_positive(options.accumulate, "train.accumulate");
  std::int64_t step = 0;
  if (__builtin_mul_overflow(options.batch, options.accumulate, &step) ||
      __builtin_mul_overflow(step, options.world, &step)) {
    fail<JobError>("train.batch = {} and train.accumulate = {} make a step of too many samples.",
                   options.batch, options.accumulate);
  }
  return {data.train.size(), options.batch, options.accumulate, options.rank, options.world};
}

}  // namespace

Loader::Loader(const Dataset& data, const LoaderOptions& options)
    : options_(options),
      sharding_(shard(data, options)),
      writer_(data, data.train, options.normalize) {}

void Loader::seek(std::int64_t epoch, std::int64_t step_in_epoch) {
  if (epoch < 0 || step_in_epoch < 0 || step_in_epoch > steps_per_epoch()) {
    fail("cannot continue at epoch {}, step {}: an epoch of this job has {} steps.", epoch,
         step_in_epoch, steps_per_epoch());
  }
  prefetcher_.reset();
  const bool over = step_in_epoch == steps_per_epoch();
  place_ = over ? Place{epoch + 1, 0, 0} : Place{epoch, step_in_epoch, 0};
}

Batch Loader::next() {
  if (options_.prefetch == 0) return make();
  if (!prefetcher_)
    prefetcher_ = std::make_unique<Prefetcher<Batch>>([this] { return make(); }, options_.prefetch);
  return prefetcher_->next();
}

Batch Loader::make() {
  if (order_epoch_ != place_.epoch) {
    order_ = epoch_order(sharding_.samples, options_.seed, place_.epoch);
    order_epoch_ = place_.epoch;
  }
  const Slice slice = sharding_.micro_batch(place_.step, place_.micro);
  const std::span<const std::int64_t> samples = std::span(order_).subspan(
      static_cast<std::size_t>(slice.begin), static_cast<std::size_t>(slice.count));
  std::vector<Crop> crops;
  if (options_.augment == Augment::crop_flip) {
    crops.reserve(samples.size());
    for (const std::int64_t sample : samples)
      crops.push_back(draw_crop(options_.seed, place_.epoch, sample));
  }
  Batch batch;
  writer_.fill(samples, crops, batch);
  batch.global_count = sharding_.step(place_.step).count;
  batch.epoch = place_.epoch;
  batch.step_in_epoch = place_.step;
  batch.micro = place_.micro;
  batch.last_of_step = place_.micro + 1 == options_.accumulate;
  advance();
  return batch;
}

void Loader::advance() {
  if (++place_.micro < options_.accumulate) return;
  place_.micro = 0;
  if (++place_.step < steps_per_epoch()) return;
  place_ = {place_.epoch + 1, 0, 0};
}

EvalShard::EvalShard(const Dataset& data, std::int64_t rank, std::int64_t world, std::int64_t batch,
                     bool normalize)
    : batch_(batch), total_(data.test.size()), writer_(data, data.test, normalize) {
  require_rank(rank, world);
  require_positive(batch, "train.batch");
  share_ = share({0, total_}, rank, world);
}

std::int64_t EvalShard::batches() const {
  return share_.count / batch_ + (share_.count % batch_ != 0);
}

Batch EvalShard::at(std::int64_t index) const {
  const std::int64_t begin = index * batch_;
  std::vector<std::int64_t> samples(
      static_cast<std::size_t>(std::min(batch_, share_.count - begin)));
  std::iota(samples.begin(), samples.end(), share_.begin + begin);
  Batch batch;
  writer_.fill(samples, {}, batch);
  batch.global_count = total_;
  batch.step_in_epoch = index;
  return batch;
}

}  // namespace terse
