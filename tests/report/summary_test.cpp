#include "terse/report/summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sentence.h"
#include "temp_folder.h"
#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse {
namespace {

Summary sample() {
  return {.test_accuracy = 0.9893,
          .test_loss = 1.0 / 3,
          .steps = 1406,
          .seconds = 61.5,
          .seconds_per_step = 0.0421,
          .bytes_sent_per_step_per_rank = 24100,
          .dense_bytes_per_step_per_rank = 7200000,
          .compression_ratio = 298.755,
          .parameter_hash = "00112233445566ff",
          .world = {.size = 4, .kind = "mpi"},
          .codec = "dgc",
          .terse_version = "0.1.0",
          .job = {{"train.seed", "3"}, {"data.path", "a \"b\""}, {"model.hidden", ""}},
          .data_fingerprint = "8899aabbccddeeff",
          .extra = {{"density", 0.001}, {"note", "a \"b\"\nc"}}};
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  return fmt::format("{}{}{}", text.substr(0, at), to, text.substr(at + from.size()));
}

TEST(Summary, GivesBackWhatWasWritten) {
  const TempFolder dir;
  const Summary written = sample();
  write_summary(dir.path(), written);
  for (const auto& path : {dir.path(), dir.path() / "summary.json"}) {
    const Summary read = read_summary(path);
    EXPECT_EQ(read.test_accuracy, written.test_accuracy);
    EXPECT_EQ(read.test_loss, written.test_loss);
    EXPECT_EQ(read.steps, written.steps);
    EXPECT_EQ(read.seconds, written.seconds);
    EXPECT_EQ(read.seconds_per_step, written.seconds_per_step);
    EXPECT_EQ(read.bytes_sent_per_step_per_rank, written.bytes_sent_per_step_per_rank);
    EXPECT_EQ(read.dense_bytes_per_step_per_rank, written.dense_bytes_per_step_per_rank);
    EXPECT_EQ(read.compression_ratio, written.compression_ratio);
    EXPECT_EQ(read.parameter_hash, written.parameter_hash);
    EXPECT_EQ(read.world, written.world);
    EXPECT_EQ(read.codec, written.codec);
    EXPECT_EQ(read.terse_version, written.terse_version);
    EXPECT_EQ(read.job, written.job);
    EXPECT_EQ(read.data_fingerprint, written.data_fingerprint);
    EXPECT_EQ(read.extra, written.extra);
  }
}

TEST(Summary, WhatIsNotThereIsNull) {
  const TempFolder dir;
  Summary summary = sample();
  summary.compression_ratio = std::nullopt;
  summary.test_accuracy = std::numeric_limits<double>::quiet_NaN();
  write_summary(dir.path(), summary);
  const std::string text = read_text(dir.path() / "summary.json");
  EXPECT_TRUE(contains(text, "\"compression_ratio\": null") &&
              contains(text, "\"test_accuracy\": null"))
      << text;
  EXPECT_TRUE(contains(text, "\"world\": {\n    \"size\": 4,\n    \"kind\": \"mpi\"\n  }")) << text;
  EXPECT_EQ(read_summary(dir.path()).compression_ratio, std::nullopt);
  EXPECT_TRUE(std::isnan(read_summary(dir.path()).test_accuracy));
}

TEST(Summary, EarlierVersionsWroteNoJob) {
  const TempFolder dir;
  Summary summary = sample();
  summary.job.clear();
  summary.data_fingerprint.clear();
  write_summary(dir.path(), summary);
  const std::string text = read_text(dir.path() / "summary.json");
  EXPECT_FALSE(contains(text, "\"job\"") || contains(text, "data_fingerprint")) << text;
  EXPECT_TRUE(read_summary(dir.path()).job.empty());
  EXPECT_EQ(read_summary(dir.path()).data_fingerprint, "");
}

TEST(Summary, AnExtraFieldCannotHideAnother) {
  const TempFolder dir;
  Summary summary = sample();
  summary.extra["codec"] = "x";
  EXPECT_THROW(write_summary(dir.path(), summary), Error);
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "summary.json"));
}

TEST(Summary, BadFilesAreRefusedWithASentence) {
  const TempFolder dir;
  const auto path = dir.path() / "summary.json";
  EXPECT_TRUE(contains(error_of([&] { read_summary(path); }), "cannot read " + path.string()));
  write_summary(dir.path(), sample());
  const std::string sound = read_text(path);
  const auto refusal = [&](const std::string& text) {
    write_atomic(path, text);
    return error_of([&] { read_summary(path); });
  };
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("7"),
        std::string(9999, '['), std::string("\xff\0", 2), sound.substr(0, sound.size() / 2)}) {
    EXPECT_TRUE(contains(refusal(text), path.string() + " is not a run's summary"))
        << refusal(text);
  }
  for (const char* name :
       {"test_accuracy", "test_loss", "steps", "seconds", "seconds_per_step",
        "bytes_sent_per_step_per_rank", "dense_bytes_per_step_per_rank", "compression_ratio",
        "parameter_hash", "world", "size", "kind", "codec", "terse_version"}) {
    const std::string renamed = replaced(sound, fmt::format("\"{}\"", name), "\"X\"");
    EXPECT_TRUE(contains(refusal(renamed), fmt::format("has no '{}'", name))) << refusal(renamed);
  }
  std::string wrong = replaced(sound, "1406", "\"14\"");
  EXPECT_TRUE(contains(refusal(wrong), "'steps' must be an integer, not \"14\"")) << refusal(wrong);
  wrong = replaced(sound, "0.9893", "true");
  EXPECT_TRUE(contains(refusal(wrong), "'test_accuracy' must be a number, not true"))
      << refusal(wrong);
  wrong = replaced(sound, "\"train.seed\": \"3\"", "\"train.seed\": 3");
  EXPECT_TRUE(contains(refusal(wrong), "'train.seed' in 'job' must be a string, not 3"))
      << refusal(wrong);
  wrong = replaced(sound, "\"size\": 4", "\"size\": 0");
  EXPECT_TRUE(contains(refusal(wrong), "'size' must be a number of ranks, not 0"))
      << refusal(wrong);
}

}  // namespace
}  // namespace terse
