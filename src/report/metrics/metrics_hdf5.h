// metrics.h5: one group for each series.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "terse/report/job_record.h"
#include "terse/report/metrics/metrics.h"

namespace terse {

struct MetricSeries {
  std::string name;
  std::vector<std::int64_t> steps;
  std::vector<double> values;  // one for each step
};

// Appends to the series of that name, which is created if it does not exist.
void append_value(std::vector<MetricSeries>& all, std::string_view name, std::int64_t step,
                  double value);

// Writes a file with exactly these series, atomically.
void create_metrics_hdf5(const std::filesystem::path& path, const std::vector<MetricSeries>& all,
                         const JobRecord& job, const MetricUnits& units);

// Appends rows to the file's series. Throws Error if the file cannot be opened (a reader may hold
// its lock) or written; it may then be damaged.
void append_metrics_hdf5(const std::filesystem::path& path, const std::vector<MetricSeries>& rows,
                         const MetricUnits& units);

}  // namespace terse
