// metrics.h5 as a file of series, and the series that a metrics.jsonl holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "terse/report/metrics.h"

namespace terse {

struct Series {
  std::string name;
  std::vector<std::int64_t> steps;
  std::vector<double> values;  // as many
};

// Adds to the series of that name, which begins if it is not there.
void add_to(std::vector<Series>& all, std::string_view name, std::int64_t step, double value);

// The file with just these series: written beside and renamed.
void create_series_file(const std::filesystem::path& path, const std::vector<Series>& all,
                        const JobPairs& job, const MetricUnits& units);

// Adds rows to the file's series. Throws Error if the file cannot be opened (a reader may hold its
// lock) or written; it may then be damaged.
void append_series_file(const std::filesystem::path& path, const std::vector<Series>& rows,
                        const MetricUnits& units);

// One line of metrics.jsonl, newline included.
std::string record_line(std::int64_t step, std::span<const MetricValue> values);

struct Records {
  std::string text;  // the lines that were kept
  std::vector<Series> series;
};

// The records of steps up to `last_step`; drops a torn last line. `path` is for the sentences
// alone.
Records parse_records(std::string_view text, std::int64_t last_step,
                      const std::filesystem::path& path);

}  // namespace terse
