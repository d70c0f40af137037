#include "terse/report/plot.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <limits>

#include "report/compared_run.h"
#include "sentence.h"
#include "temp_folder.h"
#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

std::vector<ComparedRun> runs() {
  return {compared_run("none", 0.9910, 7.2e6),
          compared_run("fp16", 0.9909, 3.6e6),
          compared_run("bf16", 0.9907, 3.6e6),
          compared_run("maxmin 8 bit", 0.9911, 1.85e6),
          compared_run("maxmin 4 bit", 0.9905, 0.95e6),
          compared_run("topk_1'%", 0.9880, 1.2e5),
          compared_run("dgc", 0.9892, 2.4e4)};
}

bool has_gnuplot() { return std::system("gnuplot --version > /dev/null 2>&1") == 0; }

TEST(Plot, DrawsBothKindsOfPicture) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const TempFolder dir;
  plot_accuracy(dir.path() / "it's.svg", compare_runs(runs()));
  const std::string svg = read_text(dir.path() / "it's.svg");
  EXPECT_TRUE(contains(svg, "<svg") && contains(svg, "</svg>"));
  for (const char* part : {"maxmin 4 bit", "Test accuracy against bytes sent",
                           "bytes sent per step and rank (B", "test accuracy (%)"}) {
    EXPECT_TRUE(contains(svg, part)) << part;
  }
  plot_accuracy(dir.path() / "p.png", compare_runs(runs()));
  EXPECT_TRUE(read_text(dir.path() / "p.png").starts_with("\x89PNG"));
}

TEST(Plot, OnePointAndPointsThatCannotBeDrawn) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const TempFolder dir;
  const std::vector<ComparedRun> some = {
      compared_run("none", 0.99, 0), compared_run("dgc", 0.98, 1e4),
      compared_run("fp16", std::numeric_limits<double>::quiet_NaN(), 1e4)};
  plot_accuracy(dir.path() / "p.svg", compare_runs(some));
  const std::string svg = read_text(dir.path() / "p.svg");
  EXPECT_TRUE(contains(svg, "dgc"));
  EXPECT_FALSE(contains(svg, "fp16"));
}

TEST(Plot, LabelsNameWhatDiffers) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const TempFolder dir;
  const std::vector<ComparedRun> two = {compared_run("none"),
                                        with(compared_run("none", 0.8), "model.name", "mlp")};
  plot_accuracy(dir.path() / "p.svg", compare_runs(two));
  const std::string svg = read_text(dir.path() / "p.svg");
  for (const char* label : {"none, model.name convnet", "none, model.name mlp"})
    EXPECT_TRUE(contains(svg, label)) << label;
}

TEST(Plot, RefusalsAreSentences) {
  const TempFolder dir;
  const auto refusal = [&](const char* file, const std::vector<ComparedRun>& what,
                           const char* program) {
    return error_of([&] {
      plot_accuracy(dir.path() / file, compare_runs(what), {.title = "t", .program = program});
    });
  };
  EXPECT_TRUE(contains(refusal("p.svg", runs(), "no-such-gnuplot"),
                       "Install it (apt install gnuplot-nox)"));
  EXPECT_TRUE(contains(refusal("p.jpg", runs(), "gnuplot"), "must end in .svg or .png"));
  EXPECT_TRUE(
      contains(refusal("p.svg", {compared_run("none", 0.9, 0)}, "gnuplot"), "no run has both"));
  EXPECT_TRUE(contains(refusal("p.svg", runs(), "false"), "false failed and said"));
  EXPECT_TRUE(contains(refusal("p.svg", runs(), "true"), "true wrote nothing"));
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

}  // namespace
}  // namespace terse::test
