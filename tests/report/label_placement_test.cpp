#include "terse/report/label_placement.h"

#include <gtest/gtest.h>

#include "terse/base/random.h"

namespace terse {
namespace {

bool overlap(const LabelBox& a, const LabelBox& b) {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.bottom < b.bottom + b.height &&
         b.bottom < a.bottom + a.height;
}

bool inside(const LabelBox& a, const LabelBox& b) {
  return a.left >= b.left && a.bottom >= b.bottom && a.left + a.width <= b.left + b.width &&
         a.bottom + a.height <= b.bottom + b.height;
}

TEST(LabelPlacement, LabelsNeitherOverlapNorLeaveTheCanvas) {
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

}  // namespace
}  // namespace terse
