// Time series of a run, rank 0's, in two files of its output folder:
// - metrics.jsonl has one JSON object per record: {"step": 20, "loss": 0.31, ...}; a number that is
//   not finite is null. It is the source of truth after a crash: each flush appends to it and syncs
//   it to the disk before touching metrics.h5.
// - metrics.h5 has a group for each series with two datasets of equal length, `step` (int64) and
//   `value` (double, NaN where not finite; attribute `unit`), and the resolved job as attributes of
//   the root. Each flush opens it, appends and closes it, so that others can read it during the
//   run.
// A series may begin late and has its own steps; a step may have several records. For one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "terse/report/job_record.h"

namespace terse {

// A name consists of letters, digits, '_', '-' and '.'; "step" is reserved.
struct MetricValue {
  std::string name;
  double value;
};

// Units ("seconds", "bytes") by series name; a series without one has the empty unit.
using MetricUnits = std::map<std::string, std::string>;

class MetricsWriter {
 public:
  // Starts both files afresh in `dir`, which must exist. Throws Error naming the file and the
  // reason.
  MetricsWriter(const std::filesystem::path& dir, JobRecord job, MetricUnits units);

  // Continues the files in `dir`: truncates metrics.jsonl after the records of `step` and rebuilds
  // metrics.h5 from it. Drops an incomplete last line, which a crash leaves; any other line that is
  // not a record is an Error naming its number.
  static MetricsWriter resume(const std::filesystem::path& dir, std::int64_t step, JobRecord job,
                              MetricUnits units);

  ~MetricsWriter();
  MetricsWriter(MetricsWriter&&) noexcept;
  MetricsWriter& operator=(MetricsWriter&&) noexcept;

  // Adds a record, kept in memory until flush(). Throws Error for a malformed or repeated name.
  void append(std::int64_t step, std::span<const MetricValue> values);
  void append(std::int64_t step, std::initializer_list<MetricValue> values) {
    append(step, std::span(values.begin(), values.size()));
  }

  // The step of the series' last record, including those that resume() kept; -1 if it has none.
  std::int64_t last_step(std::string_view series) const;

  // Writes the records so far. Throws Error naming the file and the reason (disk full, ...);
  // metrics.jsonl then ends with its last whole flush. ParsedMetrics that were not flushed are lost
  // with the writer.
  void flush();

 private:
  struct State;
  explicit MetricsWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace terse
