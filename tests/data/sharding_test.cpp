#include "terse/data/sharding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace terse {
namespace {

TEST(Share, PiecesAreConsecutiveAndDifferByAtMostOne) {
  for (std::int64_t count = 0; count < 30; ++count) {
    for (std::int64_t parts = 1; parts < 10; ++parts) {
      std::int64_t next = 100;
      for (std::int64_t i = 0; i < parts; ++i) {
        const IndexRange piece = split_evenly({100, count}, i, parts);
        ASSERT_EQ(piece.begin, next);
        ASSERT_GE(piece.count, count / parts);
        ASSERT_LE(piece.count, (count + parts - 1) / parts);
        next += piece.count;
      }
      ASSERT_EQ(next, 100 + count);
    }
  }
}

TEST(EpochOrder, IsAPermutationOfSeedAndEpoch) {
  const auto order = epoch_order(1000, 5, 2);
  auto sorted = order;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(sorted, expected);
  EXPECT_NE(order, expected);
  EXPECT_EQ(order, epoch_order(1000, 5, 2));
  EXPECT_NE(order, epoch_order(1000, 6, 2));
  EXPECT_NE(order, epoch_order(1000, 5, 3));
}

// Every version must draw these numbers; otherwise a resumed job would see different data.
TEST(EpochOrder, GoldenValues) {
  EXPECT_EQ(epoch_order(8, 1, 0), (std::vector<std::int64_t>{5, 1, 3, 0, 4, 6, 2, 7}));
}

TEST(EpochOrder, EverySampleIsEquallyLikelyAtEveryPlace) {
  constexpr std::int64_t kSamples = 6, kEpochs = 6000;
  int seen[kSamples][kSamples] = {};
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = epoch_order(kSamples, 3, epoch);
    for (std::int64_t place = 0; place < kSamples; ++place) ++seen[place][order[place]];
  }
  for (const auto& row : seen) {
    for (const int count : row) EXPECT_NEAR(count, kEpochs / kSamples, 5 * 29);  // sigma = 28.9
  }
}

TEST(EpochOrder, HandlesOneSample) {
  EXPECT_EQ(epoch_order(1, 1, 0), std::vector<std::int64_t>{0});
}

// Every position of the epoch belongs to exactly one rank and micro-batch, in full and partial
// steps.
void expect_exact_cover(std::int64_t samples, std::int64_t world, std::int64_t batch,
                        std::int64_t accumulate) {
  SCOPED_TRACE(testing::Message() << samples << " samples, " << world << " ranks, batch " << batch
                                  << ", accumulate " << accumulate);
  const std::int64_t steps = Sharding{samples, batch, accumulate, 0, world}.steps();
  std::int64_t next = 0;
  for (std::int64_t step = 0; step < steps; ++step) {
    std::int64_t fewest = batch, most = 0;
    for (std::int64_t rank = 0; rank < world; ++rank) {
      const Sharding sharding{samples, batch, accumulate, rank, world};
      ASSERT_EQ(sharding.step(step).begin, step * world * batch * accumulate);
      for (std::int64_t micro = 0; micro < accumulate; ++micro) {
        const IndexRange slice = sharding.micro_batch(step, micro);
        ASSERT_EQ(slice.begin, next);
        next += slice.count;
        fewest = std::min(fewest, slice.count);
        most = std::max(most, slice.count);
      }
    }
    ASSERT_LE(most, batch);
    ASSERT_LE(most - fewest, 1);
    ASSERT_TRUE(step + 1 == steps || fewest == batch);
  }
  ASSERT_EQ(next, samples);
}

TEST(Sharding, CoversEachPositionOnce) {
  for (const std::int64_t samples : {1, 2, 3, 7, 8, 31, 32, 33, 64, 97, 100}) {
    for (std::int64_t world = 1; world <= 8; ++world) {
      for (const std::int64_t batch : {1, 2, 3, 8, 50}) {
        for (const std::int64_t accumulate : {1, 2, 3, 5})
          expect_exact_cover(samples, world, batch, accumulate);
      }
    }
  }
}

TEST(Sharding, RanksTogetherTakeWhatOneRankOfTheBigBatchTakes) {
  const Sharding big{100, 24, 2, 0, 1};
  for (const std::int64_t world : {2, 3, 4, 6, 8}) {
    const Sharding small{100, 24 / world, 2, world - 1, world};
    ASSERT_EQ(small.steps(), big.steps());
    for (std::int64_t step = 0; step < big.steps(); ++step)
      EXPECT_EQ(small.step(step), big.step(step));
  }
}

}  // namespace
}  // namespace terse
