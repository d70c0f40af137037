// NaN and Inf in a gradient. The data of these runs have a second channel that is black except for
// one pixel of one image; its standard deviation is so small that normalizing this pixel gives
// infinity.
#include <gtest/gtest.h>

#include "terse/data/sharding.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

constexpr int kWorld = 3;
constexpr std::int64_t kImages = 74, kPerStep = 18;  // 6 of each rank
// The position of this image in the first epoch.
constexpr std::int64_t kStep = 2;
constexpr int kRank = 1;

const Dataset& data_with_infinity() {
  static const Dataset data = [] {
    Dataset all = make_images(kImages, 30, {2, 8, 8});
    for (Split* split : {&all.train, &all.test}) {
      for (std::int64_t image = 0; image < split->size(); ++image)
        std::fill_n(split->pixels.begin() + 128 * image + 64, 64, std::uint8_t{0});
    }
    const std::int64_t bad =
        epoch_order(kImages, 1, 0)[static_cast<std::size_t>(kPerStep * kStep + 6 * kRank + 3)];
    all.train.pixels[static_cast<std::size_t>(128 * bad + 64 + 27)] = 255;
    all.mean[1] = 0;
    all.std[1] = 1e-39f;
    return all;
  }();
  return data;
}

Job job_of(const fs::path& output, const std::string& codec, const std::string& on_nonfinite) {
  Job job = codec_job(output, codec);
  job.train.on_nonfinite = on_nonfinite;
  return job;
}

void keep_all_checkpoints(Job& job) {
  job.output.checkpoint_every = 1;
  job.output.keep = 100;
}

std::map<std::int64_t, Manifest> checkpoints_of(const Job& job) {
  std::map<std::int64_t, Manifest> by_step;
  for (const Manifest& manifest : find_checkpoints(job.output.dir))
    by_step[manifest.step] = manifest;
  return by_step;
}

class Nonfinite : public testing::TestWithParam<std::string> {};

TEST_P(Nonfinite, StopsTheRunOnAllRanksNamingLayerRankAndStep) {
  const TempFolder folder;
  Job job = job_of(folder.path() / "run", GetParam(), "stop");
  keep_all_checkpoints(job);
  const auto endings = endings_of_training(job, kWorld, quiet(), data_with_infinity());
  for (const Ending& ending : endings) {
    EXPECT_TRUE(ending.on_all_ranks) << ending.sentence;
    expect_words(ending.sentence, {fmt::format("step {}:", kStep), "layer fc",
                                   fmt::format("of rank {}", kRank), "NaN"});
    for (int rank = 0; rank < kWorld; ++rank) {
      if (rank == kRank) continue;
      EXPECT_EQ(ending.sentence.find(fmt::format("of rank {}", rank)), std::string::npos)
          << ending.sentence;
    }
  }
  EXPECT_EQ(newest_manifest(job.output.dir)->step, kStep);
}

TEST_P(Nonfinite, ASkippedStepLeavesEverythingAsItWasOnAllRanksAndTheRunGoesOn) {
  const TempFolder folder;
  Job job = job_of(folder.path() / "run", GetParam(), "skip");
  keep_all_checkpoints(job);
  const Summary summary = trained(job, kWorld, quiet(), data_with_infinity());
  EXPECT_EQ(summary.steps, 10);
  EXPECT_EQ(std::get<double>(summary.extra.at("skipped_steps")), 2);  // one per epoch
  EXPECT_TRUE(std::isfinite(summary.test_loss));

  const auto checkpoints = checkpoints_of(job);
  ASSERT_TRUE(checkpoints.contains(kStep));
  ASSERT_TRUE(checkpoints.contains(kStep + 2));
  for (int rank = 0; rank < kWorld; ++rank) {
    const Saved before = saved(job, checkpoints.at(kStep), rank);
    EXPECT_EQ(count_named(before, "parameter/"), 6u);
    expect_same_bits(saved(job, checkpoints.at(kStep + 1), rank), before,
                     fmt::format("{} rank {}", GetParam(), rank));
    for (const auto& [name, values] : saved(job, checkpoints.at(kStep + 2), rank)) {
      EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float x) {
        return std::isfinite(x);
      })) << name;
      if (name.starts_with("parameter/")) {
        EXPECT_NE(values, before.at(name)) << name;
      }
    }
  }
  EXPECT_EQ(checkpoints.at(kStep).parameter_hash, checkpoints.at(kStep + 1).parameter_hash);
}

TEST_P(Nonfinite, ASkippedStepIsAlsoSkippedByARunThatIsResumedAtIt) {
  const TempFolder folder;
  const Job whole = job_of(folder.path() / "whole", GetParam(), "skip");
  Job parts = whole;
  parts.output.dir = (folder.path() / "parts").string();
  const Summary expected = trained(whole, kWorld, quiet(), data_with_infinity());
  for (const std::int64_t stop : {kStep, kStep + 1, std::int64_t{0}}) {
    parts.train.max_steps = stop;
    trained(parts, kWorld, quiet(stop != kStep), data_with_infinity());
  }
  for (int rank = 0; rank < kWorld; ++rank)
    expect_same_bits(saved(parts, rank), saved(whole, rank), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Codecs, Nonfinite, testing::ValuesIn(all_codecs()),
                         [](const auto& codec) { return codec.param; });

TEST(NonfiniteAdamW, ASkippedStepIsNoneOfItsSteps) {
  const TempFolder folder;
  Job job = job_of(folder.path() / "run", "bf16", "skip");
  job.optimizer.name = "adamw";
  keep_all_checkpoints(job);
  trained(job, kWorld, quiet(), data_with_infinity());
  const auto checkpoints = checkpoints_of(job);
  for (int rank = 0; rank < kWorld; ++rank) {
    const Saved before = saved(job, checkpoints.at(kStep), rank);
    EXPECT_EQ(count_named(before, "optimizer/"), 12u);
    expect_same_bits(saved(job, checkpoints.at(kStep + 1), rank), before, "adamw");
  }
}

TEST(NonfiniteBatchNorm, ASkippedStepLeavesItsStatisticsAlone) {
  const TempFolder folder;
  Job job = job_of(folder.path() / "run", "none", "skip");
  job.model.name = "resnet20";
  job.train.max_steps = kStep + 1;
  keep_all_checkpoints(job);
  trained(job, kWorld, quiet(), data_with_infinity());
  const auto checkpoints = checkpoints_of(job);
  for (int rank = 0; rank < kWorld; ++rank) {
    const Saved before = saved(job, checkpoints.at(kStep), rank);
    EXPECT_GT(count_named(before, "buffer/"), 0u);
    expect_same_bits(saved(job, checkpoints.at(kStep + 1), rank), before, "resnet20");
  }
}

TEST(NonfiniteCodec, AValueBeyondFp16IsNamedThoughTheGradientIsFinite) {
  const TempFolder folder;
  Job job = job_of(folder.path() / "run", "fp16", "stop");
  Dataset data = make_images(kImages, 30, {2, 8, 8});
  data.std = {1e-7f, 1e-7f};
  for (const Ending& ending : endings_of_training(job, 2, quiet(), data))
    expect_words(ending.sentence, {"step 0:", "layer fc", "of rank", "beyond the codec's range"});
  job.compression.codec.name = "none";
  job.train.max_steps = 1;
  trained(job, 2, quiet(), data);
}

}  // namespace
}  // namespace terse::test
