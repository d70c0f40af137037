#include "terse/data/loader.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "terse/base/error.h"

namespace terse {
namespace {

void check_rank(std::int64_t rank, std::int64_t world) {
  if (world >= 1 && rank >= 0 && rank < world) return;
  fail<JobError>("rank {} of a world of {} cannot load data; ranks are 0 to world - 1.", rank,
                 world);
}

void check_positive(std::int64_t value, const char* key) {
  if (value < 1) fail<JobError>("{} is {}; it must be at least 1.", key, value);
}

Sharding shard(const Dataset& data, const LoaderOptions& options) {
  check_rank(options.rank, options.world);
  check_positive(options.batch, "train.batch");
  check_positive(options.accumulate, "train.accumulate");
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
      builder_(data, data.train, options.normalize) {}

void Loader::seek(std::int64_t epoch, std::int64_t step_in_epoch) {
  if (epoch < 0 || step_in_epoch < 0 || step_in_epoch > steps_per_epoch()) {
    fail("cannot continue at epoch {}, step {}: an epoch of this job has {} steps.", epoch,
         step_in_epoch, steps_per_epoch());
  }
  prefetcher_.reset();
  const bool over = step_in_epoch == steps_per_epoch();
  position_ = over ? Position{epoch + 1, 0, 0} : Position{epoch, step_in_epoch, 0};
}

Batch Loader::next() {
  if (options_.prefetch == 0) return make();
  if (!prefetcher_)
    prefetcher_ = std::make_unique<Prefetcher<Batch>>([this] { return make(); }, options_.prefetch);
  return prefetcher_->next();
}

Batch Loader::make() {
  if (order_epoch_ != position_.epoch) {
    order_ = epoch_order(sharding_.samples, options_.seed, position_.epoch);
    order_epoch_ = position_.epoch;
  }
  const IndexRange range = sharding_.micro_batch(position_.step, position_.micro);
  const std::span<const std::int64_t> samples = std::span(order_).subspan(
      static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.count));
  std::vector<Crop> crops;
  if (options_.augment == Augment::crop_flip) {
    crops.reserve(samples.size());
    for (const std::int64_t sample : samples)
      crops.push_back(draw_crop(options_.seed, position_.epoch, sample));
  }
  Batch batch;
  builder_.fill(samples, crops, batch);
  batch.global_count = sharding_.step(position_.step).count;
  batch.epoch = position_.epoch;
  batch.step_in_epoch = position_.step;
  batch.micro = position_.micro;
  batch.last_of_step = position_.micro + 1 == options_.accumulate;
  advance();
  return batch;
}

void Loader::advance() {
  if (++position_.micro < options_.accumulate) return;
  position_.micro = 0;
  if (++position_.step < steps_per_epoch()) return;
  position_ = {position_.epoch + 1, 0, 0};
}

TestLoader::TestLoader(const Dataset& data, std::int64_t rank, std::int64_t world,
                       std::int64_t batch, bool normalize)
    : batch_(batch), total_(data.test.size()), builder_(data, data.test, normalize) {
  check_rank(rank, world);
  check_positive(batch, "train.batch");
  part_ = split_evenly({0, total_}, rank, world);
}

std::int64_t TestLoader::batches() const {
  return part_.count / batch_ + (part_.count % batch_ != 0);
}

Batch TestLoader::at(std::int64_t index) const {
  const std::int64_t begin = index * batch_;
  std::vector<std::int64_t> samples(
      static_cast<std::size_t>(std::min(batch_, part_.count - begin)));
  std::iota(samples.begin(), samples.end(), part_.begin + begin);
  Batch batch;
  builder_.fill(samples, {}, batch);
  batch.global_count = total_;
  batch.step_in_epoch = index;
  return batch;
}

}  // namespace terse
