// Plain tables (ASCII) of what runs came to.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "terse/report/summary.h"

namespace terse {

// Cells in columns, the first to the left and the others to the right, a rule below the header, a
// newline after each row. Each row has as many cells as the header.
std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows);

// 4820000 -> "4.82 MB"; powers of 1000. "-" if not finite.
std::string format_bytes(double bytes);
// 0.0123 -> "12.3 ms". "-" if not finite.
std::string format_seconds(double seconds);

// The end of one run, a line per number.
std::string end_table(const Summary& summary);

// One row per run, in the order given: codec, test accuracy, bytes per step and rank, ratio, time
// per step, and the speed-up over the first run whose codec is `none` ("-" if there is no such).
std::string comparison_table(std::span<const Summary> runs);

}  // namespace terse
