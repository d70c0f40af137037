// A picture of test accuracy against bytes, drawn by the program gnuplot.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "terse/report/summary.h"

namespace terse {

struct PlotOptions {
  std::string title = "Test accuracy against bytes sent";
  std::string program = "gnuplot";  // a path, or a name that PATH finds
};

// Writes the picture beside and renames it; the suffix of `path` decides: .svg or .png. Runs that
// sent nothing or have no accuracy are left out. Throws Error if no run is left, if gnuplot is
// missing (saying what to install) or if it fails (with what it said).
void plot_accuracy(const std::filesystem::path& path, std::span<const Summary> runs,
                   const PlotOptions& options = {});

// A label beside a point, in pixels with y upwards.
struct LabelBox {
  double left, bottom, width, height;
};

struct LabeledPoint {
  double x, y;
  double label_width;
};

// For each point a place for its label, off all points, off the other labels and inside the canvas
// where that is possible.
std::vector<LabelBox> place_labels(std::span<const LabeledPoint> points, double label_height,
                                   const LabelBox& canvas);

}  // namespace terse
