#include "terse/data/loader.h"

#include <algorithm>

#include "data/files.h"

namespace terse {
namespace {

bool same(const Batch& a, const Batch& b) {
  return a.images == b.images && a.labels == b.labels && a.shape == b.shape && a.count == b.count &&
         a.global_count == b.global_count && a.epoch == b.epoch &&
         a.step_in_epoch == b.step_in_epoch && a.micro == b.micro &&
         a.last_of_step == b.last_of_step;
}

// The labels (numbers of the samples) of one epoch, step by step, in rank and micro-batch order.
std::vector<std::vector<std::int64_t>> epoch_of(const Dataset& data, LoaderOptions options) {
  std::vector<std::vector<std::int64_t>> steps;
  for (options.rank = 0; options.rank < options.world; ++options.rank) {
    Loader loader(data, options);
    steps.resize(static_cast<std::size_t>(loader.steps_per_epoch()));
    for (auto& step : steps) {
      for (std::int64_t micro = 0; micro < options.accumulate; ++micro) {
        const Batch batch = loader.next();
        EXPECT_EQ(batch.epoch, 0);
        EXPECT_EQ(batch.step_in_epoch, &step - steps.data());
        EXPECT_EQ(batch.micro, micro);
        EXPECT_EQ(batch.last_of_step, micro + 1 == options.accumulate);
        EXPECT_EQ(static_cast<std::size_t>(batch.count), batch.labels.size());
        EXPECT_EQ(batch.images.size(),
                  static_cast<std::size_t>(batch.count * batch.shape.elements()));
        EXPECT_LE(batch.count, options.batch);
        EXPECT_GT(batch.global_count, 0);
        step.insert(step.end(), batch.labels.begin(), batch.labels.end());
        if (options.rank + 1 == options.world && batch.last_of_step) {
          EXPECT_EQ(batch.global_count, static_cast<std::int64_t>(step.size()));
        }
      }
    }
    EXPECT_EQ(loader.next().epoch, 1);
  }
  return steps;
}

TEST(Loader, EverySampleOncePerEpochOverTheWholeWorld) {
  for (const std::int64_t samples : {1, 3, 8, 29, 64}) {
    const Dataset data = test::numbered(samples, 1);
    for (std::int64_t world = 1; world <= 8; ++world) {
      for (const std::int64_t batch : {1, 3, 8}) {
        for (const std::int64_t accumulate : {1, 3}) {
          const auto steps = epoch_of(
              data, {.batch = batch, .accumulate = accumulate, .world = world, .prefetch = 0});
          std::vector<std::int64_t> seen;
          for (const auto& step : steps) seen.insert(seen.end(), step.begin(), step.end());
          EXPECT_EQ(seen, epoch_order(samples, 1, 0));
        }
      }
    }
  }
}

TEST(Loader, ManyRanksSeeTheStepsOfOneRankWithTheBigBatch) {
  const Dataset data = test::numbered(101, 1);
  const auto big = epoch_of(data, {.batch = 24, .accumulate = 2, .seed = 9});
  for (const std::int64_t world : {2, 3, 4, 8}) {
    EXPECT_EQ(epoch_of(data, {.batch = 24 / world, .accumulate = 2, .world = world, .seed = 9}),
              big);
  }
}

TEST(Loader, ARankWithoutASampleGetsAnEmptyBatch) {
  const Dataset data = test::numbered(3, 1);
  Loader loader(data, {.batch = 2, .rank = 3, .world = 4});
  EXPECT_EQ(loader.steps_per_epoch(), 1);
  const Batch batch = loader.next();
  EXPECT_EQ(batch.count, 0);
  EXPECT_EQ(batch.global_count, 3);
  EXPECT_TRUE(batch.images.empty());
  EXPECT_TRUE(batch.last_of_step);
}

TEST(Loader, AnyPrefetchGivesTheSameBatches) {
  const Dataset data = test::numbered(50, 1, {3, 8, 8});
  LoaderOptions options{.batch = 4,
                        .accumulate = 2,
                        .rank = 1,
                        .world = 3,
                        .augment = Augment::crop_flip,
                        .prefetch = 0};
  Loader reference(data, options);
  std::vector<Batch> expected;
  for (int i = 0; i < 20; ++i) expected.push_back(reference.next());
  EXPECT_EQ(expected.back().epoch, 3);
  for (const std::size_t prefetch : {1, 2, 7, 100}) {
    options.prefetch = prefetch;
    Loader loader(data, options);
    for (const Batch& batch : expected) EXPECT_TRUE(same(loader.next(), batch));
  }
}

TEST(Loader, SeekContinuesAsIfNeverStopped) {
  const Dataset data = test::numbered(50, 1, {3, 8, 8});
  for (const std::size_t prefetch : {0, 3}) {
    const LoaderOptions options{.batch = 4,
                                .accumulate = 2,
                                .rank = 0,
                                .world = 2,
                                .augment = Augment::crop_flip,
                                .prefetch = prefetch};
    Loader straight(data, options), resumed(data, options);
    const std::int64_t steps = straight.steps_per_epoch();
    ASSERT_EQ(steps, 4);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      for (std::int64_t step = 0; step < steps; ++step) {
        resumed.seek(epoch, step);  // also while its thread runs ahead
        for (int micro = 0; micro < 2; ++micro) EXPECT_TRUE(same(straight.next(), resumed.next()));
      }
    }
    resumed.seek(2, steps);
    EXPECT_TRUE(same(straight.next(), resumed.next()));
  }
}

TEST(Loader, SeekRefusesAPlaceThatIsNot) {
  const Dataset data = test::numbered(50, 1);
  Loader loader(data, {.batch = 10});
  test::expect_sentence([&] { loader.seek(2, 6); }, {"epoch 2", "step 6", "5 steps"});
  EXPECT_THROW(loader.seek(-1, 0), Error);
  EXPECT_THROW(loader.seek(0, -1), Error);
}

TEST(Loader, ASamplesCutDependsOnNoRankNorBatch) {
  const Dataset data = test::numbered(20, 1, {1, 8, 8});
  const auto images_of = [&](LoaderOptions options) {
    std::vector<AlignedFloats> images(20);
    for (options.rank = 0; options.rank < options.world; ++options.rank) {
      Loader loader(data, options);
      for (std::int64_t step = 0; step < loader.steps_per_epoch(); ++step) {
        const Batch batch = loader.next();
        for (std::int64_t i = 0; i < batch.count; ++i) {
          const auto begin = batch.images.begin() + i * 64;
          images[batch.labels[i]].assign(begin, begin + 64);
        }
      }
    }
    return images;
  };
  const auto one = images_of({.batch = 20, .augment = Augment::crop_flip});
  EXPECT_EQ(one, images_of({.batch = 3, .world = 4, .augment = Augment::crop_flip}));
  EXPECT_NE(one, images_of({.batch = 20}));
}

TEST(Loader, OptionsOutOfRangeMakeTheJobWrong) {
  const Dataset data = test::numbered(5, 1);
  for (const LoaderOptions& options :
       {LoaderOptions{.batch = 0}, LoaderOptions{.accumulate = 0},
        LoaderOptions{.rank = 2, .world = 2}, LoaderOptions{.rank = -1}, LoaderOptions{.world = 0},
        LoaderOptions{.batch = std::int64_t{1} << 40, .accumulate = std::int64_t{1} << 40}}) {
    EXPECT_THROW(Loader(data, options), JobError);
  }
}

TEST(TestLoader, RanksTogetherSeeTheTestSplitInOrder) {
  for (const std::int64_t samples : {1, 7, 32}) {
    const Dataset data = test::numbered(1, samples);
    for (std::int64_t world = 1; world <= 8; ++world) {
      std::vector<std::int64_t> seen;
      for (std::int64_t rank = 0; rank < world; ++rank) {
        const TestLoader shard(data, rank, world, 3, true);
        std::int64_t own = 0;
        for (std::int64_t i = 0; i < shard.batches(); ++i) {
          const Batch batch = shard.at(i);
          EXPECT_GT(batch.count, 0);
          EXPECT_LE(batch.count, 3);
          EXPECT_EQ(batch.global_count, samples);
          EXPECT_EQ(batch.images[0], (data.test.image(batch.labels[0])[0] / 255.0f - 0.25f) / 0.5f);
          own += batch.count;
          seen.insert(seen.end(), batch.labels.begin(), batch.labels.end());
        }
        EXPECT_EQ(own, shard.size());
      }
      EXPECT_EQ(seen, data.test.labels);
    }
  }
}

TEST(TestLoader, ArgumentsOutOfRangeMakeTheJobWrong) {
  const Dataset data = test::numbered(1, 5);
  EXPECT_THROW(TestLoader(data, 1, 1, 3, true), JobError);
  EXPECT_THROW(TestLoader(data, 0, 1, 0, true), JobError);
}

}  // namespace
}  // namespace terse
