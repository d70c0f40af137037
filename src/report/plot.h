// A plot of test accuracy against bytes sent, drawn by the program gnuplot.
#pragma once

#include <filesystem>
#include <string>

#include "terse/report/comparison.h"

namespace terse {

struct PlotOptions {
  std::string title = "Test accuracy against bytes sent";
  std::string program = "gnuplot";  // a path, or a name to find in PATH
};

// Writes the picture atomically; the suffix of `path` chooses its format: .svg or .png. Draws one
// point for each group, with its group_label(); leaves out groups that sent nothing or have no
// accuracy. Throws Error if no group is left, if gnuplot is missing (saying what to install) or if
// it fails (with its own words).
void plot_accuracy(const std::filesystem::path& path, const Comparison& comparison,
                   const PlotOptions& options = {});

}  // namespace terse
