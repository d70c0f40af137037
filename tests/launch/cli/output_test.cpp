// The files in a run's output folder, and its printed output.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "launch/cli/program.h"
#include "terse/base/file.h"
#include "terse/io/checkpoint.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;
using Output = LaunchTest;
using Json = nlohmann::json;

// The values of one dataset of metrics.h5; empty while it cannot be read.
std::vector<double> dumped(const fs::path& file, const std::string& dataset) {
  const CompletedProcess dump =
      run({"h5dump", "-y", "-w", "1", "-d", "/" + dataset, file.string()});
  std::vector<double> values;
  const auto data = dump.out.find("DATA {");
  if (dump.code != 0 || data == std::string::npos) return values;
  std::istringstream text(dump.out.substr(data + 6));
  for (std::string word; text >> word && word != "}";) values.push_back(std::stod(word));
  return values;
}

std::vector<double> logged(const fs::path& dir, const std::string& series) {
  std::ifstream file(dir / "metrics.jsonl");
  std::vector<double> values;
  for (std::string line; std::getline(file, line);) {
    const Json record = Json::parse(line);
    if (record.contains(series)) values.push_back(record.at(series).get<double>());
  }
  return values;
}

TEST_F(Output, MetricsAreReadWithH5dumpWhileTheRunGoesOnAndAfter) {
  const fs::path dir = path("run"), file = dir / "metrics.h5";
  Child training(small_job(dir, {"--ranks=2", kSlow, "--output.log_every=5", "--train.epochs=1",
                                 "--output.eval_every=1"}));
  std::vector<double> steps;
  ASSERT_TRUE(training.until(
      [&] {
        steps = dumped(file, "train_loss/step");
        return steps.size() >= 2;
      },
      "two steps in metrics.h5"));
  EXPECT_TRUE(training.running()) << "it was to be read while the run goes on";
  EXPECT_LT(steps.back(), 157) << "the file was to grow while the run goes on";
  EXPECT_EQ(steps[0], 5);
  EXPECT_EQ(steps[1], 10);
  EXPECT_EQ(training.wait(), 0) << training.err();

  const std::vector<std::int64_t> lines = logged_steps(dir);
  EXPECT_EQ(lines.back(), 157);
  EXPECT_EQ(dumped(file, "train_loss/step"), std::vector<double>(lines.begin(), lines.end()));
  for (const char* series : {"train_loss", "learning_rate", "seconds_per_step", "wait_seconds",
                             "bytes_sent", "test_accuracy", "test_loss"}) {
    const std::vector<double> in_lines = logged(dir, series),
                              in_file = dumped(file, std::string(series) + "/value");
    ASSERT_EQ(in_lines.size(), in_file.size()) << series;
    ASSERT_FALSE(in_file.empty()) << series;
    for (std::size_t i = 0; i < in_lines.size(); ++i)  // h5dump prints six digits
      EXPECT_LE(std::abs(in_file[i] - in_lines[i]), 1e-5 * std::abs(in_lines[i]) + 1e-9) << series;
  }
  const CompletedProcess job = run({"h5dump", "-a", "/train.epochs", file.string()});
  EXPECT_EQ(count(job.out, "\"1\""), 1) << job.out << job.err;
  const CompletedProcess unit = run({"h5dump", "-a", "/bytes_sent/value/unit", file.string()});
  EXPECT_EQ(count(unit.out, "\"bytes\""), 1) << unit.out << unit.err;
}

TEST_F(Output, TheSummaryHasEveryFieldAndTheEndTableSaysTheSame) {
  const fs::path dir = path("run");
  const CompletedProcess ended =
      run(small_job(dir, {"--ranks=2", "--train.max_steps=12", "--compression.codec=maxmin",
                          "--compression.bits=4"}));
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json summary = Json::parse(read_text(dir / "summary.json"));
  for (const char* name :
       {"test_accuracy", "test_loss", "seconds", "seconds_per_step", "bytes_sent_per_step_per_rank",
        "dense_bytes_per_step_per_rank", "compression_ratio"}) {
    ASSERT_TRUE(summary.contains(name) && summary.at(name).is_number()) << name;
    EXPECT_GT(summary.at(name).get<double>(), 0) << name;
  }
  EXPECT_EQ(summary.at("steps"), 12);
  EXPECT_EQ(summary.at("codec"), "maxmin");
  EXPECT_EQ(summary.at("terse_version"), TERSE_TEST_VERSION);
  EXPECT_EQ(summary.at("world"), Json({{"size", 2}, {"kind", "threads"}}));
  EXPECT_LE(summary.at("test_accuracy").get<double>(), 1);
  const double sent = summary.at("bytes_sent_per_step_per_rank"),
               dense = summary.at("dense_bytes_per_step_per_rank");
  EXPECT_LE(std::abs(summary.at("compression_ratio").get<double>() * sent - dense), 1e-6 * dense);
  EXPECT_EQ(logged(dir, "bytes_sent").back(), sent) << "every step sends as much here";
  const std::string hash = summary.at("parameter_hash");
  EXPECT_EQ(hash.size(), 16U);
  const std::vector<Manifest> checkpoints = find_checkpoints(dir);
  ASSERT_EQ(checkpoints.size(), 1U);
  EXPECT_EQ(checkpoints[0].parameter_hash, hash);
  EXPECT_EQ(checkpoints[0].step, 12);
  EXPECT_EQ(count(ended.out, hash), 1) << ended.out;
}

TEST_F(Output, OneRankHasNoCompressionRatio) {
  const CompletedProcess ended = run(small_job(path("run"), {"--train.max_steps=3"}));
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json summary = Json::parse(read_text(path("run") / "summary.json"));
  EXPECT_TRUE(summary.at("compression_ratio").is_null()) << summary;
  EXPECT_EQ(summary.at("world").at("size"), 1);
}

TEST_F(Output, TheProgressBarIsForTerminalsOnly) {
  const CommandLine words = small_job(path("run"), {"--ranks=2", "--train.max_steps=30"});
  const CompletedProcess plain = run(words);
  ASSERT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(count(plain.out + plain.err, "\r"), 0) << plain.out << plain.err;
  EXPECT_GE(count(plain.err, "step 30/30"), 1) << plain.err;
  std::string line;
  for (const std::string& word : words) line += word + " ";
  const CompletedProcess terminal = run({"script", "-qec", line, "/dev/null"});
  ASSERT_EQ(terminal.code, 0) << terminal.out;
  EXPECT_GE(count(terminal.out, "\r[====================] step 30/30"), 1) << terminal.out;
}

TEST_F(Output, ThreeCheckpointsAreKeptAndANewRunBeginsWithoutThoseOfTheLast) {
  const fs::path dir = path("run");
  ASSERT_EQ(
      run(small_job(dir, {"--ranks=2", "--train.max_steps=9", "--output.checkpoint_every=2"})).code,
      0);
  std::vector<std::int64_t> steps;
  for (const Manifest& manifest : find_checkpoints(dir)) steps.push_back(manifest.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{9, 8, 6}));
  ASSERT_EQ(run(small_job(dir, {"--ranks=2", "--train.max_steps=3"})).code, 0);
  const std::vector<Manifest> checkpoints = find_checkpoints(dir);
  ASSERT_EQ(checkpoints.size(), 1U);
  EXPECT_EQ(checkpoints[0].step, 3);
}

}  // namespace
}  // namespace terse::test
