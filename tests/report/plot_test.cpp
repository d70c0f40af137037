#include "terse/report/plot.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <limits>

#include "sentence.h"
#include "temp_folder.h"
#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/random.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

Summary run(const char* codec, double accuracy, double bytes) {
  Summary summary;
  summary.codec = codec;
  summary.test_accuracy = accuracy;
  summary.bytes_sent_per_step_per_rank = bytes;
  return summary;
}

std::vector<Summary> runs() {
  return {run("none", 0.9910, 7.2e6),
          run("fp16", 0.9909, 3.6e6),
          run("bf16", 0.9907, 3.6e6),
          run("maxmin 8 bit", 0.9911, 1.85e6),
          run("maxmin 4 bit", 0.9905, 0.95e6),
          run("topk_1'%", 0.9880, 1.2e5),
          run("dgc", 0.9892, 2.4e4)};
}

bool overlap(const LabelBox& a, const LabelBox& b) {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.bottom < b.bottom + b.height &&
         b.bottom < a.bottom + a.height;
}

bool inside(const LabelBox& a, const LabelBox& b) {
  return a.left >= b.left && a.bottom >= b.bottom && a.left + a.width <= b.left + b.width &&
         a.bottom + a.height <= b.bottom + b.height;
}

TEST(Labels, NeitherOverlapNorLeaveTheCanvas) {
  const LabelBox canvas{0, 0, 800, 500};
  const RandomStream random(1, "labels");
  std::uint64_t index = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<LabeledPoint> points;
    for (int i = 0; i < 6; ++i) {
      const double x = 20 + 760.0 * random.uniform(index++);
      points.push_back({x, 20 + 460.0 * random.uniform(index++), 60});
    }
    points.push_back({points[0].x + 5, points[0].y + 3, 60});  // nearly on top of another
    points.push_back({770, 480, 60});
    const std::vector<LabelBox> boxes = place_labels(points, 16, canvas);
    ASSERT_EQ(boxes.size(), points.size());
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      EXPECT_TRUE(inside(boxes[i], canvas)) << round << " label " << i;
      for (std::size_t j = 0; j < i; ++j)
        EXPECT_FALSE(overlap(boxes[i], boxes[j])) << round << ": " << i << " and " << j;
    }
  }
}

bool has_gnuplot() { return std::system("gnuplot --version > /dev/null 2>&1") == 0; }

TEST(Plot, DrawsBothKindsOfPicture) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const TempFolder dir;
  plot_accuracy(dir.path() / "it's.svg", runs());
  const std::string svg = read_text(dir.path() / "it's.svg");
  EXPECT_TRUE(contains(svg, "<svg") && contains(svg, "</svg>"));
  for (const char* part : {"maxmin 4 bit", "Test accuracy against bytes sent",
                           "bytes sent per step and rank (B", "test accuracy (%)"}) {
    EXPECT_TRUE(contains(svg, part)) << part;
  }
  plot_accuracy(dir.path() / "p.png", runs());
  EXPECT_TRUE(read_text(dir.path() / "p.png").starts_with("\x89PNG"));
}

TEST(Plot, OnePointAndPointsThatCannotBeDrawn) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const TempFolder dir;
  const std::vector<Summary> some = {run("none", 0.99, 0), run("dgc", 0.98, 1e4),
                                     run("fp16", std::numeric_limits<double>::quiet_NaN(), 1e4)};
  plot_accuracy(dir.path() / "p.svg", some);
  const std::string svg = read_text(dir.path() / "p.svg");
  EXPECT_TRUE(contains(svg, "dgc"));
  EXPECT_FALSE(contains(svg, "fp16"));
}

TEST(Plot, RefusalsAreSentences) {
  const TempFolder dir;
  const auto refusal = [&](const char* file, const std::vector<Summary>& what,
                           const char* program) {
    return error_of(
        [&] { plot_accuracy(dir.path() / file, what, {.title = "t", .program = program}); });
  };
  EXPECT_TRUE(contains(refusal("p.svg", runs(), "no-such-gnuplot"),
                       "Install it (apt install gnuplot-nox)"));
  EXPECT_TRUE(contains(refusal("p.jpg", runs(), "gnuplot"), "is .svg or .png"));
  EXPECT_TRUE(contains(refusal("p.svg", {run("none", 0.9, 0)}, "gnuplot"), "no run has both"));
  EXPECT_TRUE(contains(refusal("p.svg", runs(), "false"), "false failed and said"));
  EXPECT_TRUE(contains(refusal("p.svg", runs(), "true"), "true wrote nothing"));
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

}  // namespace
}  // namespace terse
