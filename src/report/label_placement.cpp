#include "terse/report/label_placement.h"

#include <algorithm>
#include <array>
#include <limits>

namespace terse {
namespace {

constexpr double kPointRadius = 6;

double overlap(double a_begin, double a_end, double b_begin, double b_end) {
  return std::max(0.0, std::min(a_end, b_end) - std::max(a_begin, b_begin));
}

double overlap(const LabelBox& a, const LabelBox& b) {
  return overlap(a.left, a.left + a.width, b.left, b.left + b.width) *
         overlap(a.bottom, a.bottom + a.height, b.bottom, b.bottom + b.height);
}

LabelBox box_of(const LabeledPoint& point) {
  return {point.x - kPointRadius, point.y - kPointRadius, 2 * kPointRadius, 2 * kPointRadius};
}

// `across` and `up` are -1, 0 or 1: the side of the point on which the label goes.
LabelBox beside(const LabeledPoint& point, double height, int across, int up, double distance) {
  const double x = point.x + across * (distance + point.label_width / 2);
  const double y = point.y + up * (distance + height / 2);
  return {x - point.label_width / 2, y - height / 2, point.label_width, height};
}

}  // namespace

std::vector<LabelBox> place_labels(std::span<const LabeledPoint> points, double label_height,
                                   const LabelBox& canvas) {
  struct Side {
    int across, up;
  };
  constexpr std::array<Side, 8> kSides = {
      {{1, 0}, {0, 1}, {0, -1}, {-1, 0}, {1, 1}, {1, -1}, {-1, 1}, {-1, -1}}};
  constexpr std::array<double, 5> kDistances = {8, 14, 22, 34, 50};
  std::vector<LabelBox> placed;
  for (const LabeledPoint& point : points) {
    LabelBox best{};
    double best_cost = std::numeric_limits<double>::infinity();
    for (const double distance : kDistances) {
      for (const Side side : kSides) {
        const LabelBox box = beside(point, label_height, side.across, side.up, distance);
        double cost = box.width * box.height - overlap(box, canvas);
        for (const LabeledPoint& other : points) cost += overlap(box, box_of(other));
        for (const LabelBox& other : placed) cost += overlap(box, other);
        if (cost < best_cost - 1e-6) {
          best = box;
          best_cost = cost;
        }
      }
    }
    placed.push_back(best);
  }
  return placed;
}

}  // namespace terse
