// The output of a run: summary.json, metrics.jsonl and metrics.h5, checkpoints, the printed plan.
#include <gtest/gtest.h>

#include <fstream>

#include "terse/base/file.h"
#include "terse/config/options.h"
#include "terse/models/model.h"
#include "terse/report/metrics/metrics_jsonl.h"
#include "terse/trainers/loop/job_parts.h"
#include "terse/trainers/loop/plan_description.h"
#include "terse/trainers/loop/replicas.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

ParsedMetrics metrics_of(const Job& job) {
  const fs::path path = fs::path(job.output.dir) / "metrics.jsonl";
  return parse_metrics(read_text(path), 1'000'000, path);
}

const MetricSeries* find_series(const ParsedMetrics& records, const std::string& name) {
  for (const MetricSeries& one : records.series) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

TEST(Summary, HasEveryFieldThatIsPromised) {
  const TempFolder folder;
  for (const std::string& codec : all_codecs()) {
    const Job job = codec_job(folder.path() / codec, codec);
    const Summary summary = trained(job, 3);
    const std::string text = read_text(fs::path(job.output.dir) / "summary.json");
    for (const char* field : {"test_accuracy", "test_loss", "steps", "seconds", "seconds_per_step",
                              "bytes_sent_per_step_per_rank", "dense_bytes_per_step_per_rank",
                              "compression_ratio", "parameter_hash", "world", "size", "kind",
                              "codec", "terse_version", "job", "data_fingerprint"}) {
      EXPECT_NE(text.find(fmt::format("\"{}\":", field)), std::string::npos) << field;
    }
    EXPECT_TRUE(summary.test_accuracy >= 0 && summary.test_accuracy <= 1) << codec;
    EXPECT_TRUE(summary.test_loss > 0) << codec;
    EXPECT_EQ(summary.steps, 10);
    EXPECT_TRUE(summary.seconds > 0 && summary.seconds_per_step > 0) << codec;
    EXPECT_TRUE(summary.seconds_per_step < summary.seconds) << codec;
    ASSERT_TRUE(summary.compression_ratio) << codec;
    const double ratio =
        summary.dense_bytes_per_step_per_rank / summary.bytes_sent_per_step_per_rank;
    EXPECT_TRUE(std::abs(*summary.compression_ratio - ratio) <= 1e-12 * ratio) << codec;
    if (codec == "none") {
      EXPECT_EQ(*summary.compression_ratio, 1);
    } else {
      EXPECT_TRUE(*summary.compression_ratio > 1.3) << codec << *summary.compression_ratio;
    }
    EXPECT_EQ(summary.parameter_hash.size(), 16u);
    EXPECT_EQ(summary.parameter_hash, newest_manifest(job.output.dir)->parameter_hash);
    EXPECT_EQ(summary.world, (Summary::World{.size = 3, .kind = "threads"}));
    EXPECT_EQ(summary.codec, codec);
    EXPECT_EQ(summary.terse_version, "test");
    EXPECT_EQ(summary.job, resolved(job));
    EXPECT_EQ(summary.data_fingerprint, fmt::format("{:016x}", images().fingerprint));
  }
}

TEST(Summary, OfOneRankHasNoRatio) {
  const TempFolder folder;
  const Job job = codec_job(folder.path() / "run", "topk");
  const Summary summary = trained(job, 1);
  EXPECT_FALSE(summary.compression_ratio);
  EXPECT_EQ(summary.bytes_sent_per_step_per_rank, 0);
  EXPECT_NE(
      read_text(fs::path(job.output.dir) / "summary.json").find("\"compression_ratio\": null"),
      std::string::npos);
}

TEST(Summary, CountsTheBytesOfTheLastEpochsSteps) {
  const TempFolder folder;
  Job job = codec_job(folder.path() / "run", "dgc");
  job.output.log_every = 1;
  job.compression.density = 0.01;  // the first epoch sends a tenth
  const Summary summary = trained(job, 3);
  const ParsedMetrics records = metrics_of(job);
  const MetricSeries* bytes = find_series(records, "bytes_sent");
  ASSERT_NE(bytes, nullptr);
  ASSERT_EQ(bytes->values.size(), 10u);
  std::vector<double> last(bytes->values.begin() + 5, bytes->values.end());
  EXPECT_LT(*std::max_element(last.begin(), last.end()),
            *std::min_element(bytes->values.begin(), bytes->values.begin() + 5));
  std::sort(last.begin(), last.end());
  // The mean of the ranks' medians lies between the extremes of the steps' means.
  EXPECT_TRUE(summary.bytes_sent_per_step_per_rank >= last.front() &&
              summary.bytes_sent_per_step_per_rank <= last.back())
      << summary.bytes_sent_per_step_per_rank;
}

TEST(Summary, TheHashIsOfTheParametersThatWereSaved) {
  const TempFolder folder;
  const Job job = small_job(folder.path() / "run");
  const Summary summary = trained(job, 2);
  const Saved after = saved(job);
  const auto model = make_model(model_options(job, images()), 1);
  const at::NoGradGuard guard;
  for (const auto& item : model->named_parameters()) {
    const std::vector<float>& values = after.at("parameter/" + item.key());
    std::copy(values.begin(), values.end(), item.value().data_ptr<float>());
  }
  EXPECT_EQ(fmt::format("{:016x}", parameter_hash(*model)), summary.parameter_hash);
}

TEST(Metrics, HaveTheirSeriesAtTheirSteps) {
  const TempFolder folder;
  Job job = small_job(folder.path() / "run");
  job.output.log_every = 4;
  trained(job, 2);  // 14 steps, 7 per epoch
  const ParsedMetrics records = metrics_of(job);
  const std::vector<std::int64_t> logged = {4, 8, 12, 14}, evaluated = {7, 14};
  for (const char* name : {"train_loss", "learning_rate", "seconds_per_step", "wait_seconds",
                           "bytes_sent", "skipped_steps"}) {
    const MetricSeries* series = find_series(records, name);
    ASSERT_NE(series, nullptr) << name;
    EXPECT_EQ(series->steps, logged) << name;
  }
  for (const char* name : {"test_accuracy", "test_loss"}) {
    const MetricSeries* series = find_series(records, name);
    ASSERT_NE(series, nullptr) << name;
    EXPECT_EQ(series->steps, evaluated) << name;
  }
  EXPECT_TRUE(fs::exists(fs::path(job.output.dir) / "metrics.h5"));
}

// A crash after the checkpoint of step 6 leaves records of later steps and an incomplete line.
TEST(Metrics, AfterACrashAndAResumeAreThoseOfARunThatWentOn) {
  const TempFolder folder;
  Job job = codec_job(folder.path() / "run", "dgc");
  job.output.checkpoint_every = 3;
  job.output.keep = 10;
  job.output.log_every = 3;
  trained(job, 3);
  const ParsedMetrics expected = metrics_of(job);
  for (const std::int64_t step : {9, 10}) fs::remove_all(checkpoint_folder(job.output.dir, step));
  const fs::path lines = fs::path(job.output.dir) / "metrics.jsonl";
  std::ofstream(lines, std::ios::app) << "{\"step\": 11, \"train_lo";

  trained(job, 3, quiet(true));
  const ParsedMetrics again = metrics_of(job);
  ASSERT_EQ(again.series.size(), expected.series.size());
  EXPECT_EQ(again.series.size(), 8u);
  for (const MetricSeries& series : expected.series) {
    const MetricSeries* mine = find_series(again, series.name);
    ASSERT_NE(mine, nullptr) << series.name;
    EXPECT_EQ(mine->steps, series.steps) << series.name;
    if (series.name.find("seconds") == std::string::npos) {
      EXPECT_EQ(mine->values, series.values) << series.name;
    }
  }
}

TEST(Checkpoints, AreTakenAtTheirStepsAndTheLastOnesKept) {
  const TempFolder folder;
  Job job = small_job(folder.path() / "run");
  job.output.checkpoint_every = 4;
  job.output.keep = 2;
  trained(job, 2);
  const std::vector<Manifest> found = find_checkpoints(job.output.dir);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].step, 14);
  EXPECT_EQ(found[0].epoch, 2);
  EXPECT_EQ(found[1].step, 12);
  EXPECT_EQ(found[1].epoch, 1);
  EXPECT_EQ(found[0].world_size, 2);
}

TEST(Checkpoints, HoldWhatEachRankKeeps) {
  const TempFolder folder;
  Job job = codec_job(folder.path() / "run", "dgc");
  job.optimizer.weight_decay = 0.01;
  trained(job, 2);
  const Saved first = saved(job, 0), second = saved(job, 1);
  EXPECT_EQ(count_named(first, "parameter/"), 6u);
  EXPECT_EQ(count_named(first, "optimizer/momentum/"), 6u);
  for (const char* name : {"compressor/residual/fc1.weight", "compressor/velocity/fc1.weight",
                           "compressor/residual/fc2.weight"}) {
    ASSERT_TRUE(first.contains(name)) << name;
    EXPECT_NE(first.at(name), second.at(name)) << name;  // each rank's own
  }
  EXPECT_FALSE(first.contains("compressor/residual/fc1.bias"));
  for (const auto& [name, values] : first) {
    if (!name.starts_with("compressor/")) {
      EXPECT_EQ(values, second.at(name)) << name;
    }
  }
}

TEST(Checkpoints, HoldBatchNormsStatisticsOfEachRank) {
  const TempFolder folder;
  const Dataset data = make_images(16, 8, {3, 8, 8});
  Job job = small_job(folder.path() / "run");
  job.model.name = "resnet20";
  job.train.max_steps = 1;
  trained(job, 2, quiet(), data);
  const Saved first = saved(job, 0), second = saved(job, 1);
  EXPECT_EQ(count_named(first, "buffer/"), 2u * 19);
  EXPECT_NE(first.at("buffer/bn1.running_mean"), second.at("buffer/bn1.running_mean"));
  EXPECT_EQ(first.at("parameter/bn1.weight"), second.at("parameter/bn1.weight"));
}

TEST(DryRun, WritesNothing) {
  const TempFolder folder;
  TrainOptions options = quiet();
  options.dry_run = true;
  testing::internal::CaptureStdout();
  run_threads(2, [&](CommThread& thread) {
    EXPECT_EQ(train(codec_job(folder.path() / "run", "dgc"), images(), thread, options),
              TrainEnd::done);
  });
  const std::string text = testing::internal::GetCapturedStdout();
  for (const char* word : {"[compression]", "codec = dgc", "fc1.weight", "density 0.2", "dense",
                           "4608 of 4820 elements are sent by dgc", "memory per rank"})
    EXPECT_NE(text.find(word), std::string::npos) << word << " is not in\n" << text;
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(DryRun, WarnsOfAPlanThatSendsMoreThanDense) {
  for (const double density : {0.01, 1.0}) {
    run_threads(3, [&](CommThread& thread) {
      Job job = codec_job("", "topk");
      job.compression.density = density;
      const auto model = make_model(model_options(job, images()), 1);
      GradientReducer reducer(*model, thread, {.compression = compression_of(job)});
      const std::string warning = warn_if_no_gain(reducer);
      const std::string plan = describe_plan(job, reducer, 3);
      EXPECT_EQ(warning.empty(), density < 1) << warning;
      EXPECT_EQ(plan.find("warning: ") == std::string::npos, density < 1) << plan;
    });
  }
}

}  // namespace
}  // namespace terse::test
