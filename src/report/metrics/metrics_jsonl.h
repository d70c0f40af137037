// The lines of metrics.jsonl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "terse/report/metrics/metrics.h"
#include "terse/report/metrics/metrics_hdf5.h"

namespace terse {

// One record as a line, newline included.
std::string metrics_line(std::int64_t step, std::span<const MetricValue> values);

struct ParsedMetrics {
  std::string text;  // the lines that were kept
  std::vector<MetricSeries> series;
};

// Keeps the records of steps up to `last_step`; drops an incomplete last line. Any other line that
// is not a record is an Error with its number. `path` serves the error sentences only.
ParsedMetrics parse_metrics(std::string_view text, std::int64_t last_step,
                            const std::filesystem::path& path);

}  // namespace terse
