#include "terse/report/table.h"

#include <gtest/gtest.h>

#include <limits>

#include "report/compared_run.h"
#include "terse/base/error.h"

namespace terse::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

ComparedRun run(const char* codec, double accuracy, double bytes, std::optional<double> ratio,
                double seconds) {
  ComparedRun run = compared_run(codec, accuracy, bytes, seconds);
  run.summary.compression_ratio = ratio;
  return run;
}

std::string table(const std::vector<ComparedRun>& runs) {
  return comparison_table(compare_runs(runs));
}

TEST(Table, AlignsColumns) {
  EXPECT_EQ(format_table({"name", "n"}, {{"a", "1"}, {"longer", "1000"}}),
            "name       n\n"
            "------  ----\n"
            "a          1\n"
            "longer  1000\n");
  EXPECT_EQ(format_table({"a"}, {}), "a\n-\n");
  EXPECT_THROW(format_table({"a", "b"}, {{"1"}}), Error);
}

TEST(Table, FormatsBytesAndSeconds) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.00 kB");
  EXPECT_EQ(format_bytes(24149), "24.1 kB");
  EXPECT_EQ(format_bytes(999499), "999 kB");
  EXPECT_EQ(format_bytes(999500), "1.00 MB");
  EXPECT_EQ(format_bytes(4.82e6), "4.82 MB");
  EXPECT_EQ(format_bytes(7e15), "7000 TB");
  EXPECT_EQ(format_bytes(kNan), "-");
  EXPECT_EQ(format_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(format_seconds(0.9996), "1.00 s");
  EXPECT_EQ(format_seconds(61.54), "61.5 s");
  EXPECT_EQ(format_seconds(12e-6), "12.0 us");
  EXPECT_EQ(format_seconds(kNan), "-");
}

TEST(Table, ComparesWithTheDenseRun) {
  const std::vector<ComparedRun> runs = {run("dgc", 0.9892, 24100, 300, 0.041),
                                         run("none", 0.991, 7.2e6, 1, 0.328),
                                         run("fp16", kNan, 3.6e6, std::nullopt, 0.2)};
  EXPECT_EQ(
      table(runs),
      "codec  test accuracy  bytes per step and rank  ratio  time per step  speed-up over dense\n"
      "-----  -------------  -----------------------  -----  -------------  -------------------\n"
      "dgc          98.92 %                  24.1 kB   300x        41.0 ms                8.00x\n"
      "none         99.10 %                  7.20 MB  1.00x         328 ms                1.00x\n"
      "fp16               -                  3.60 MB      -         200 ms                1.64x\n");
}

TEST(Table, RunsOfOneJobAreOneLine) {
  std::vector<ComparedRun> runs = {
      run("maxmin", 0.98, 1000, 8, 0.2), run("none", 0.99, 8000, 1, 0.4),
      run("maxmin", 0.97, 3000, 8, 0.2), run("maxmin", 0.5, 500, 16, 0.1)};
  for (ComparedRun& one : runs) one.summary.dense_bytes_per_step_per_rank = 8000;
  runs[0] = with_level(runs[0], "8 bits");
  runs[2] = with_level(runs[2], "8 bits");
  runs[3] = with_level(with(runs[3], "compression.bits", "4"), "4 bits");
  EXPECT_EQ(
      table(runs),
      "codec           test accuracy  lowest to highest  runs  bytes per step and rank  ratio  "
      "time per step  speed-up over dense\n"
      "--------------  -------------  -----------------  ----  -----------------------  -----  "
      "-------------  -------------------\n"
      "maxmin, 8 bits        97.50 %     97.00 to 98.00     2                  2.00 kB  4.00x  "
      "       200 ms                2.00x\n"
      "none                  99.00 %     99.00 to 99.00     1                  8.00 kB  1.00x  "
      "       400 ms                1.00x\n"
      "maxmin, 4 bits        50.00 %     50.00 to 50.00     1                    500 B  16.0x  "
      "       100 ms                4.00x\n");
}

TEST(Table, DifferingSettingsHaveAColumn) {
  std::vector<ComparedRun> runs = {run("none", 0.99, 8000, 1, 0.4), run("topk", 0.98, 800, 10, 0.2),
                                   with(run("topk", 0.5, 800, 10, 0.1), "model.name", "mlp")};
  runs[1] = with(runs[1], "compression.feedback", "none");
  EXPECT_EQ(
      table(runs),
      "codec  model.name  compression.feedback  test accuracy  bytes per step and rank  ratio  "
      "time per step  speed-up over dense\n"
      "-----  ----------  --------------------  -------------  -----------------------  -----  "
      "-------------  -------------------\n"
      "none      convnet               default        99.00 %                  8.00 kB  1.00x  "
      "       400 ms                1.00x\n"
      "topk      convnet                  none        98.00 %                    800 B  10.0x  "
      "       200 ms                2.00x\n"
      "topk          mlp               default        50.00 %                    800 B  10.0x  "
      "       100 ms                    -\n");
}

TEST(Table, WithoutADenseRunThereIsNoSpeedUp) {
  const std::vector<ComparedRun> runs = {run("dgc", 0.9892, 24100, 300, 0.041)};
  EXPECT_TRUE(table(runs).ends_with("41.0 ms                    -\n")) << table(runs);
}

TEST(Table, TheResultsOfOneRun) {
  Summary summary = run("dgc", 0.9892, 24100, 300, 0.041).summary;
  summary.world = {4, "mpi"};
  summary.parameter_hash = "00112233445566ff";
  const std::string text = result_table(summary);
  for (const char* part :
       {"98.92 %", "24.1 kB", "300x", "41.0 ms", "4 (mpi)", "00112233445566ff", "dgc"}) {
    EXPECT_NE(text.find(part), text.npos) << part << " in\n" << text;
  }
}

}  // namespace
}  // namespace terse::test
