#include "terse/report/metrics/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <string_view>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/report/metrics/metrics_hdf5.h"
#include "terse/report/metrics/metrics_jsonl.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

// A file that only grows. A failed append is undone, so that no part of it remains.
class AppendFile {
 public:
  AppendFile(const fs::path& path, std::string_view first_lines) : path_(path) {
    write_atomic(path, first_lines);
    fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd_ < 0) fail("cannot open {}: {}.", path.string(), std::strerror(errno));
  }
  ~AppendFile() { ::close(fd_); }
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(std::string_view text) {
    const off_t old_size = ::lseek(fd_, 0, SEEK_END);
    bool good = old_size >= 0;
    while (good && !text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
      good = written > 0 || errno == EINTR;
    }
    if (good && ::fsync(fd_) == 0) return;
    const int reason = errno;
    if (old_size >= 0 && ::ftruncate(fd_, old_size) != 0) {
      fail("cannot append to {}: {}; its last line may be incomplete.", path_.string(),
           std::strerror(reason));
    }
    fail("cannot append to {}: {}.", path_.string(), std::strerror(reason));
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

void check_series_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (!plain || name.empty() || name == "step" || name == "." || name == "..") {
    fail(
        "'{}' cannot name a series of metrics: use letters, digits, '_', '-' and '.', but not "
        "'step'.",
        name);
  }
}

// metrics.jsonl has null for every number that is not finite; metrics.h5 must hold the same.
double finite_or_nan(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

struct MetricsWriter::State {
  fs::path jsonl_path;
  fs::path hdf5_path;
  JobRecord job;
  MetricUnits units;
  AppendFile lines;
  std::string pending_lines;
  std::vector<MetricSeries> pending;
  std::map<std::string, std::int64_t, std::less<>> last_steps;  // by series

  // Writes these records as the initial contents of both files.
  State(const fs::path& dir, JobRecord job_pairs, MetricUnits metric_units,
        const ParsedMetrics& records)
      : jsonl_path(dir / "metrics.jsonl"),
        hdf5_path(dir / "metrics.h5"),
        job(std::move(job_pairs)),
        units(std::move(metric_units)),
        lines(jsonl_path, records.text) {
    create_metrics_hdf5(hdf5_path, records.series, job, units);
    for (const MetricSeries& series : records.series)
      if (!series.steps.empty()) last_steps[series.name] = series.steps.back();
  }

  // Writes metrics.h5 again from metrics.jsonl.
  void rebuild_hdf5() const {
    constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
    create_metrics_hdf5(hdf5_path, parse_metrics(read_text(jsonl_path), kAll, jsonl_path).series,
                        job, units);
  }
};

MetricsWriter::MetricsWriter(const fs::path& dir, JobRecord job, MetricUnits units)
    : state_(std::make_unique<State>(dir, std::move(job), std::move(units), ParsedMetrics{})) {}
MetricsWriter::MetricsWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsWriter::~MetricsWriter() = default;
MetricsWriter::MetricsWriter(MetricsWriter&&) noexcept = default;
MetricsWriter& MetricsWriter::operator=(MetricsWriter&&) noexcept = default;

MetricsWriter MetricsWriter::resume(const fs::path& dir, std::int64_t step, JobRecord job,
                                    MetricUnits units) {
  const fs::path path = dir / "metrics.jsonl";
  const ParsedMetrics records =
      fs::exists(path) ? parse_metrics(read_text(path), step, path) : ParsedMetrics{};
  return MetricsWriter(std::make_unique<State>(dir, std::move(job), std::move(units), records));
}

void MetricsWriter::append(std::int64_t step, std::span<const MetricValue> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    check_series_name(values[i].name);
    const auto before = values.first(i);
    if (std::ranges::find(before, values[i].name, &MetricValue::name) != before.end()) {
      fail("the series '{}' occurs twice in the record of step {}.", values[i].name, step);
    }
  }
  state_->pending_lines += metrics_line(step, values);
  for (const MetricValue& entry : values) {
    append_value(state_->pending, entry.name, step, finite_or_nan(entry.value));
    state_->last_steps[entry.name] = step;
  }
}

std::int64_t MetricsWriter::last_step(std::string_view series) const {
  const auto found = state_->last_steps.find(series);
  return found == state_->last_steps.end() ? -1 : found->second;
}

void MetricsWriter::flush() {
  if (state_->pending_lines.empty()) return;
  state_->lines.append(state_->pending_lines);
  state_->pending_lines.clear();
  const std::vector<MetricSeries> rows = std::exchange(state_->pending, {});
  try {
    append_metrics_hdf5(state_->hdf5_path, rows, state_->units);
  } catch (const Error&) {
    // A reader holds the file's lock, or the file was damaged or removed. Writing a new one does
    // not disturb a reader, which keeps the old file.
    state_->rebuild_hdf5();
  }
}

}  // namespace terse
