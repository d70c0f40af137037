// The series of numbers that a run leaves behind, in two forms in its output folder:
//   metrics.jsonl  one JSON object per record: {"step": 20, "loss": 0.31, ...}. The truth after a
//   crash: at each flush
//                  it is appended to and has reached the disk before metrics.h5 is touched. A
//                  number that is not finite is null.
//   metrics.h5     per series a group with two datasets of one length, `step` (int64) and `value`
//   (double, NaN where
//                  not finite; attribute `unit`); the resolved job as attributes of the root.
//                  Opened, appended to and closed at each flush, so that others can read it while
//                  the run goes on.
// Series may begin late and have steps of their own; a step may have several records. One thread,
// rank 0 only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace terse {

// Letters, digits, '_', '-' and '.' make a name; "step" is taken.
struct MetricValue {
  std::string name;
  double value;
};

using JobPairs = std::vector<std::pair<std::string, std::string>>;

// Units by series name ("seconds", "bytes"); a series without one has the empty unit.
using MetricUnits = std::map<std::string, std::string>;

class MetricsWriter {
 public:
  // Begins both files anew in `dir`, which exists. Throws Error naming the file and the reason.
  MetricsWriter(const std::filesystem::path& dir, JobPairs job, MetricUnits units);

  // Goes on with what is in `dir`: cuts metrics.jsonl to the records of steps up to `step` and
  // rebuilds metrics.h5 from it. A last line that a crash tore is dropped; any other line that is
  // not a record is an Error naming its number.
  static MetricsWriter resume(const std::filesystem::path& dir, std::int64_t step, JobPairs job,
                              MetricUnits units);

  ~MetricsWriter();
  MetricsWriter(MetricsWriter&&) noexcept;
  MetricsWriter& operator=(MetricsWriter&&) noexcept;

  // One record; kept in memory until flush(). Throws Error for a name that is malformed or there
  // twice.
  void append(std::int64_t step, std::span<const MetricValue> values);
  void append(std::int64_t step, std::initializer_list<MetricValue> values) {
    append(step, std::span(values.begin(), values.size()));
  }

  // The step of the series' last record, those that resume() kept included; -1: it has none.
  std::int64_t last_step(std::string_view series) const;

  // Writes the records so far. Throws Error naming the file and the reason (disk full, ...);
  // metrics.jsonl then ends with its last whole flush. Records that were not flushed are lost with
  // the writer.
  void flush();

 private:
  struct State;
  explicit MetricsWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace terse
