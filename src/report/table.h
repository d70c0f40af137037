// Plain tables (ASCII) of the results of runs.
#pragma once

#include <string>
#include <vector>

#include "terse/report/comparison.h"
#include "terse/report/summary.h"

namespace terse {

// Aligns the first column left and the others right, with a rule below the header and a newline
// after each row. Throws Error unless each row has as many cells as the header.
std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows);

// 4820000 -> "4.82 MB"; powers of 1000. "-" if not finite.
std::string format_bytes(double bytes);
// 0.0123 -> "12.3 ms". "-" if not finite.
std::string format_seconds(double seconds);

// The results of one run, a line per number.
std::string result_table(const Summary& summary);

// One row per group, in their order: codec, the differing settings, test accuracy, bytes per step
// and rank, ratio, time per step, and the speed-up over the group's dense_group() ("-" if there is
// none). If a group has several runs, also the lowest and highest accuracy and the number of runs.
std::string comparison_table(const Comparison& comparison);

}  // namespace terse
