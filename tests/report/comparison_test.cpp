#include "terse/report/comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/compared_run.h"
#include "sentence.h"
#include "temp_folder.h"
#include "terse/base/error.h"

namespace terse::test {
namespace {

using Names = std::vector<std::string>;

std::vector<int> sizes(const Comparison& comparison) {
  std::vector<int> sizes;
  for (const RunGroup& group : comparison.groups) sizes.push_back(group.runs);
  return sizes;
}

TEST(Comparison, SeedsOfOneJobAreOneGroup) {
  std::vector<ComparedRun> runs = {compared_run("none", 0.99, 8000), compared_run("fp16", 0.5, 500),
                                   compared_run("none", 0.98, 6000)};
  for (ComparedRun& run : runs) run.summary.dense_bytes_per_step_per_rank = 14000;
  runs[0].summary.compression_ratio = runs[2].summary.compression_ratio = 7;
  const Comparison comparison = compare_runs(runs);
  ASSERT_EQ(sizes(comparison), (std::vector{2, 1}));
  EXPECT_EQ(comparison.differing, Names{});
  const RunGroup& none = comparison.groups[0];
  EXPECT_EQ(none.codec, "none");
  EXPECT_DOUBLE_EQ(none.mean.test_accuracy, 0.985);
  EXPECT_DOUBLE_EQ(none.mean.bytes_sent_per_step_per_rank, 7000);
  EXPECT_DOUBLE_EQ(*none.mean.compression_ratio, 2);
  EXPECT_DOUBLE_EQ(none.lowest_accuracy, 0.98);
  EXPECT_DOUBLE_EQ(none.highest_accuracy, 0.99);
}

// Every key but the seed, the output and the data's path separates runs, and is named.
TEST(Comparison, ADifferentJobIsAnotherGroupAndItsKeyIsNamed) {
  const ComparedRun run = compared_run("maxmin");
  for (const auto& [key, value] : run.summary.job) {
    const std::vector<ComparedRun> runs = {run, with(compared_run("maxmin"), key, "7")};
    const Comparison comparison = compare_runs(runs);
    if (key == "train.seed" || key == "output.dir" || key == "data.path") {
      ASSERT_EQ(sizes(comparison), std::vector{2}) << key;
      EXPECT_EQ(comparison.differing, Names{}) << key;
    } else if (key != "compression.codec") {
      ASSERT_EQ(sizes(comparison), (std::vector{1, 1})) << key;
      EXPECT_EQ(comparison.differing, Names{key});
      EXPECT_EQ(setting_text(comparison.groups[0], key), value);
      EXPECT_EQ(group_label(comparison.groups[1], comparison), "maxmin, " + key + " 7");
    }
  }
}

TEST(Comparison, RanksTheirKindTheVersionAndTheDataSeparateRuns) {
  std::vector<ComparedRun> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(compared_run("none"));
  runs[1].summary.world.size = 2;
  runs[2].summary.world.kind = "threads";
  runs[3].summary.terse_version = "0.2.0";
  runs[4].summary.data_fingerprint = "fedcba9876543210";
  const Comparison comparison = compare_runs(runs);
  ASSERT_EQ(sizes(comparison), (std::vector{1, 1, 1, 1, 1}));
  EXPECT_EQ(comparison.differing, (Names{"data (fingerprint)", "ranks", "terse version"}));
  EXPECT_EQ(group_label(comparison.groups[2], comparison),
            "none, data (fingerprint) 0123456789abcdef, ranks 4 (threads), terse version 0.1.0");
}

TEST(Comparison, KeysOfTheLevelAreNamedOnlyWhereTheLevelDoesNotTell) {
  const ComparedRun four =
      with_level(with(compared_run("maxmin"), "compression.bits", "4"), "4 bits");
  const ComparedRun eight = with_level(compared_run("maxmin"), "8 bits");
  std::vector<ComparedRun> runs = {compared_run("none"), four, eight,
                                   with(compared_run("dgc"), "compression.warmup_epochs", "1")};
  const Comparison told = compare_runs(runs);
  ASSERT_EQ(sizes(told), (std::vector{1, 1, 1, 1}));
  EXPECT_EQ(told.differing, Names{});
  EXPECT_EQ(told.groups[1].codec, "maxmin, 4 bits");

  runs.push_back(with(compared_run("dgc"), "compression.warmup_epochs", "2"));
  EXPECT_EQ(compare_runs(runs).differing, Names{"compression.warmup_epochs"});
}

TEST(Comparison, WhatFollowsFromANamedKeyIsNotNamedAgain) {
  const ComparedRun longer =
      with(with(compared_run("none"), "train.epochs", "5"), "schedule.epochs", "5");
  ComparedRun smaller = with(compared_run("none"), "data.limit", "100");
  smaller.summary.data_fingerprint = "fedcba9876543210";
  const std::vector<ComparedRun> runs = {compared_run("none"), longer, smaller};
  EXPECT_EQ(compare_runs(runs).differing, (Names{"data.limit", "train.epochs"}));
}

TEST(Comparison, EachRunWithoutAJobRecordIsAGroupOfItsOwn) {
  const std::vector<ComparedRun> runs = {without_job(compared_run("none")), compared_run("none"),
                                         without_job(compared_run("none")), compared_run("none")};
  const Comparison comparison = compare_runs(runs);
  ASSERT_EQ(sizes(comparison), (std::vector{1, 2, 1}));
  EXPECT_EQ(comparison.differing, Names{"run"});
  EXPECT_EQ(setting_text(comparison.groups[0], "run"), runs[0].folder);
  EXPECT_EQ(setting_text(comparison.groups[1], "run"), "-");
}

TEST(Comparison, TheDenseGroupDiffersInTheCompressionAlone) {
  const auto slow = [](const ComparedRun& run) { return with(run, "link.bandwidth", "1Mbit/s"); };
  const std::vector<ComparedRun> runs = {slow(compared_run("none")), compared_run("none"),
                                         with(compared_run("topk"), "compression.feedback", "none"),
                                         slow(compared_run("topk")),
                                         with(compared_run("topk"), "model.name", "mlp")};
  const Comparison comparison = compare_runs(runs);
  const auto& groups = comparison.groups;
  ASSERT_EQ(groups.size(), 5U);
  EXPECT_EQ(dense_group(groups[0], comparison), &groups[0]);
  EXPECT_EQ(dense_group(groups[2], comparison), &groups[1]);
  EXPECT_EQ(dense_group(groups[3], comparison), &groups[0]);
  EXPECT_EQ(dense_group(groups[4], comparison), nullptr);
}

TEST(Comparison, ARunThatIsNamedTwiceIsRefused) {
  const TempFolder dir;
  for (const char* name : {"a", "b"}) {
    std::filesystem::create_directory(dir.path() / name);
    write_summary(dir.path() / name, compared_run("none").summary);
  }
  const std::string a = (dir.path() / "a").string(), b = (dir.path() / "b").string();
  EXPECT_EQ(read_runs(Names{a, b}).size(), 2U);
  for (const std::string& again : {a, a + "/", b + "/../a", a + "/summary.json"}) {
    const Names folders = {a, b, again};
    EXPECT_THROW(read_runs(folders), JobError) << again;
    EXPECT_EQ(error_of([&] { read_runs(folders); }),
              a + " and " + again + " are the same run; name each run once.");
  }
}

}  // namespace
}  // namespace terse::test
