// A run that was stopped and resumed is bitwise equal to an uninterrupted one: parameters, buffers,
// optimizer state, residuals and velocities of every rank.
#include <gtest/gtest.h>

#include <atomic>

#include "terse/base/file.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

struct Stopped {
  int world = 3;
  std::int64_t at = 3;  // steps
};

// Trains `job` without and with a stop, and compares the results.
void expect_resumes_to_the_bit(const Job& job, const Stopped& stop, const std::string& what,
                               const Dataset& data = images()) {
  const TempFolder folder;
  Job whole = job, parts = job;
  whole.output.dir = (folder.path() / "whole").string();
  parts.output.dir = (folder.path() / "parts").string();
  const Summary expected = trained(whole, stop.world, quiet(), data);
  ASSERT_LT(stop.at, expected.steps) << what;

  parts.train.max_steps = stop.at;
  const Summary first = trained(parts, stop.world, quiet(), data);
  EXPECT_EQ(first.steps, stop.at) << what;
  EXPECT_NE(first.parameter_hash, expected.parameter_hash) << what;
  parts.train.max_steps = job.train.max_steps;
  const Summary second = trained(parts, stop.world, quiet(true), data);
  EXPECT_EQ(second.steps, expected.steps) << what;
  EXPECT_EQ(second.parameter_hash, expected.parameter_hash) << what;
  EXPECT_EQ(second.bytes_sent_per_step_per_rank, expected.bytes_sent_per_step_per_rank) << what;
  for (int rank = 0; rank < stop.world; ++rank)
    expect_same_bits(saved(parts, rank), saved(whole, rank), fmt::format("{} rank {}", what, rank));
}

class Resume : public testing::TestWithParam<std::string> {
 protected:
  std::string codec() const { return GetParam(); }
};

// An epoch has 5 steps; dgc's density changes between steps 5 and 6.
TEST_P(Resume, InTheMiddleAndAtTheEndOfAnEpoch) {
  for (const std::int64_t at : {1, 3, 5, 8})
    expect_resumes_to_the_bit(codec_job("", codec()), {.at = at}, fmt::format("step {}", at));
}

TEST_P(Resume, InOtherWorlds) {
  for (const int world : {1, 2, 4})
    expect_resumes_to_the_bit(codec_job("", codec()), {.world = world},
                              fmt::format("{} ranks", world));
}

TEST_P(Resume, WithMicroBatchesNesterovDecayAndACosine) {
  Job job = codec_job("", codec());
  job.train.accumulate = 2;
  job.train.batch = 3;
  job.optimizer.nesterov = true;
  job.optimizer.weight_decay = 0.02;
  job.schedule.kind = "cosine";
  job.schedule.warmup_epochs = 0.5;
  expect_resumes_to_the_bit(job, {}, codec());
}

TEST_P(Resume, WithStepsThatMayBeSkipped) {
  Job job = codec_job("", codec());
  job.train.on_nonfinite = "skip";
  for (const std::int64_t at :
       {3, 4})  // an even and an odd step: state that is kept in pairs alternates
    expect_resumes_to_the_bit(job, {.at = at}, fmt::format("step {}", at));
}

TEST_P(Resume, WithBatchNormAndAugmentation) {
  static const Dataset data = make_images(40, 8, {3, 8, 8});
  Job job = codec_job("", codec());
  job.model.name = "resnet20";
  job.data.augment = "crop_flip";
  job.train.batch = 8;
  job.train.max_steps = 4;  // 3 an epoch
  expect_resumes_to_the_bit(job, {.world = 2, .at = 2}, codec(), data);
}

INSTANTIATE_TEST_SUITE_P(Codecs, Resume, testing::ValuesIn(all_codecs()),
                         [](const auto& codec) { return codec.param; });

TEST(ResumeAdamW, WithEveryCodecThatDoesNotOwnMomentum) {
  for (const std::string& codec : all_codecs()) {
    if (owns_momentum(codec)) continue;
    Job job = codec_job("", codec);
    job.optimizer.name = "adamw";
    job.optimizer.lr = 0.002;
    job.optimizer.weight_decay = 0.1;
    expect_resumes_to_the_bit(job, {}, codec);
  }
}

TEST(ResumeVariants, OfMaxminAndDgc) {
  Job job = codec_job("", "maxmin");
  job.compression.feedback = "classic";
  job.compression.codec.stochastic = false;
  expect_resumes_to_the_bit(job, {}, "maxmin with memory");
  job = codec_job("", "dgc");
  job.compression.clip_norm = 0.5;
  job.compression.clip_scope = "global";
  job.compression.warmup_epochs = 2;
  job.compression.warmup_densities = {0.3, 0.1};
  expect_resumes_to_the_bit(job, {.at = 5}, "dgc with clipping");
  job.compression.masking = false;
  job.optimizer.nesterov = true;
  job.optimizer.weight_decay = 0.05;
  expect_resumes_to_the_bit(job, {.at = 6}, "dgc with nesterov");
}

TEST(ResumeAgain, AfterEveryStep) {
  const TempFolder folder;
  const Job whole = codec_job(folder.path() / "whole", "dgc");
  Job parts = codec_job(folder.path() / "parts", "dgc");
  const Summary expected = trained(whole, 2);
  for (std::int64_t step = 1; step <= expected.steps; ++step) {
    parts.train.max_steps = step;
    EXPECT_EQ(trained(parts, 2, quiet(step > 1)).steps, step);
  }
  for (int rank = 0; rank < 2; ++rank)
    expect_same_bits(saved(parts, rank), saved(whole, rank), fmt::format("rank {}", rank));
}

TEST(ResumeAgain, AnEndedRunSaysTheSameAgain) {
  const TempFolder folder;
  const Job job = codec_job(folder.path() / "run", "topk");
  const Summary ended = trained(job, 2);
  const fs::path records = fs::path(job.output.dir) / "metrics.jsonl";
  const std::string before = read_text(records);
  const Summary again = trained(job, 2, quiet(true));
  EXPECT_EQ(read_text(records), before);
  EXPECT_EQ(again.parameter_hash, ended.parameter_hash);
  EXPECT_EQ(again.steps, ended.steps);
  EXPECT_EQ(again.test_accuracy, ended.test_accuracy);
  EXPECT_EQ(again.bytes_sent_per_step_per_rank, ended.bytes_sent_per_step_per_rank);
  EXPECT_TRUE(std::isnan(again.seconds_per_step));  // it took no step
}

TEST(ResumeLonger, MoreEpochsGoOnWhereTheShorterRunEnded) {
  const TempFolder folder;
  Job whole = codec_job(folder.path() / "whole", "dgc");
  whole.schedule.kind = "cosine";
  whole.schedule.epochs = 3;
  Job parts = whole;
  parts.output.dir = (folder.path() / "parts").string();
  whole.train.epochs = 3;
  parts.train.epochs = 1;
  const Summary expected = trained(whole, 2);
  trained(parts, 2);
  parts.train.epochs = 3;
  EXPECT_EQ(trained(parts, 2, quiet(true)).parameter_hash, expected.parameter_hash);
}

// If one rank is asked to stop, all stop after the same step and write a checkpoint.
TEST(Stop, AskedOfOneRankStopsAllAndLeavesACheckpoint) {
  const TempFolder folder;
  for (const std::string& codec : all_codecs()) {
    const Job whole = codec_job(folder.path() / (codec + "-whole"), codec);
    const Job parts = codec_job(folder.path() / codec, codec);
    const Summary expected = trained(whole, 3);
    const std::atomic<bool> asked{true};
    run_threads(3, [&](CommThread& thread) {
      TrainOptions options = quiet();
      if (thread.rank() == 2) options.stop_wanted = &asked;
      EXPECT_EQ(train(parts, images(), thread, options), TrainEnd::interrupted) << codec;
    });
    EXPECT_EQ(newest_manifest(parts.output.dir)->step, 1) << codec;
    EXPECT_FALSE(fs::exists(fs::path(parts.output.dir) / "summary.json")) << codec;
    EXPECT_EQ(trained(parts, 3, quiet(true)).parameter_hash, expected.parameter_hash) << codec;
  }
}

}  // namespace
}  // namespace terse::test
