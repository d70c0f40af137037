// Places the labels of a scatter plot so that they do not overlap.
#pragma once

#include <span>
#include <vector>

namespace terse {

// In pixels, y upwards.
struct LabelBox {
  double left, bottom, width, height;
};

struct LabeledPoint {
  double x, y;
  double label_width;
};

// One box for each point: off all points, off the other labels and inside the canvas where that is
// possible.
std::vector<LabelBox> place_labels(std::span<const LabeledPoint> points, double label_height,
                                   const LabelBox& canvas);

}  // namespace terse
