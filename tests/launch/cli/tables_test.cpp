// The tables of terse compare and terse bench.
#include <sstream>

#include "launch/cli/program.h"
#include "terse/report/summary.h"

namespace terse::test {
namespace {

using Tables = LaunchTest;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_F(Tables, CompareHasARowPerRunAndSpeedUpOverTheDenseOne) {
  for (const char* codec : {"none", "fp16"}) {
    ASSERT_EQ(run(small_job(path(codec), {"--ranks=2", "--train.max_steps=10",
                                          fmt::format("--compression.codec={}", codec)}))
                  .code,
              0);
  }
  const CompletedProcess table =
      run(program({"compare", path("none").string(), path("fp16").string()}));
  ASSERT_EQ(table.code, 0) << table.err;
  const std::vector<std::string> lines = lines_of(table.out);
  ASSERT_EQ(lines.size(), 4U) << table.out;
  EXPECT_EQ(lines[0].find("codec"), 0U) << table.out;
  EXPECT_EQ(lines[2].find("none "), 0U) << table.out;
  EXPECT_EQ(count(lines[2], "1.00x"), 2) << "ratio and speed-up of dense in: " << table.out;
  EXPECT_EQ(lines[3].find("fp16 "), 0U) << table.out;
  const std::string ratio = fmt::format("{:.2f}x", *read_summary(path("fp16")).compression_ratio);
  EXPECT_GE(count(lines[3], ratio), 1) << ratio << " in: " << table.out;

  const CompletedProcess missing = run(program({"compare", path("nowhere").string()}));
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(count(missing.err, "terse: cannot read " + path("nowhere").string()), 1) << missing.err;
}

TEST_F(Tables, CompareNamesTheSettingsThatDiffer) {
  const std::vector<std::pair<const char*, CommandLine>> jobs = {
      {"a", {"--train.seed=1"}}, {"b", {"--train.seed=2"}}, {"c", {"--model.hidden=16"}}};
  for (const auto& [name, more] : jobs) {
    const CommandLine job =
        small_job(path(name), more + CommandLine{"--ranks=2", "--train.max_steps=5"});
    ASSERT_EQ(run(job).code, 0);
  }
  const auto folder = [&](const char* name) { return path(name).string(); };
  const CompletedProcess table = run(program({"compare", folder("a"), folder("b"), folder("c")}));
  ASSERT_EQ(table.code, 0) << table.err;
  const std::vector<std::string> lines = lines_of(table.out);
  ASSERT_EQ(lines.size(), 4U) << table.out;
  EXPECT_EQ(lines[0].find("codec  model.hidden  test accuracy  lowest to highest  runs"), 0U)
      << table.out;
  EXPECT_EQ(lines[2].find("none             32 "), 0U) << table.out;
  EXPECT_EQ(lines[3].find("none             16 "), 0U) << table.out;

  const CompletedProcess twice = run(program({"compare", folder("a"), folder("a") + "/"}));
  EXPECT_EQ(twice.code, 2);
  EXPECT_EQ(twice.out, "");
  EXPECT_EQ(count(twice.err, "are the same run; name each run once."), 1) << twice.err;
}

TEST_F(Tables, BenchExchangeHasARowForTheCodecWithWhatItSends) {
  const CompletedProcess bench =
      run(program({"bench", "exchange", "--ranks=2", "--steps=1", "--codec=fp16"}));
  ASSERT_EQ(bench.code, 0) << bench.err;
  const std::vector<std::string> lines = lines_of(bench.out);
  ASSERT_EQ(lines.size(), 4U) << bench.out;
  EXPECT_EQ(lines[0], "2 ranks (threads), link unlimited");
  for (const char* column : {"codec", "sent a step", "a step", "memory copy", "ratio"})
    EXPECT_GE(count(lines[1], column), 1) << column << " in: " << bench.out;
  EXPECT_EQ(lines[3].find("fp16"), 0U) << bench.out;
  EXPECT_EQ(count(lines[3], "51.2 MB"), 1) << "two bytes for each of 25.56 M floats: " << bench.out;
  EXPECT_TRUE(lines[3].ends_with(" 0.0")) << "a steady step asks for no memory: " << bench.out;

  const CompletedProcess unknown = run(program({"bench", "exchange", "--codec=zip"}));
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(count(unknown.err, "--codec zip is not one of none, "), 1) << unknown.err;
}

}  // namespace
}  // namespace terse::test
