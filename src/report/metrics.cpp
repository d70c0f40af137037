#include "terse/report/metrics.h"

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
#include "terse/report/series.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

// A file that only grows. An append that fails is taken back, so that no half of it stays.
class LineFile {
 public:
  LineFile(const fs::path& path, std::string_view first_lines) : path_(path) {
    write_atomic(path, first_lines);
    fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd_ < 0) fail("cannot open {}: {}.", path.string(), std::strerror(errno));
  }
  ~LineFile() { ::close(fd_); }
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

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
      fail("cannot append to {}: {}; its last line may be torn.", path_.string(),
           std::strerror(reason));
    }
    fail("cannot append to {}: {}.", path_.string(), std::strerror(reason));
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

void require_series_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (!plain || name.empty() || name == "step" || name == "." || name == "..") {
    fail(
        "'{}' cannot name a series of metrics: use letters, digits, '_', '-' and '.', and not "
        "'step'.",
        name);
  }
}

// So that metrics.jsonl and metrics.h5 hold the same numbers.
double finite_or_nan(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

struct MetricsWriter::State {
  fs::path lines_path;
  fs::path series_path;
  JobPairs job;
  MetricUnits units;
  LineFile lines;
  std::string pending_lines;
  std::vector<Series> pending;
  std::map<std::string, std::int64_t, std::less<>> last_steps;  // by series

  // Begins with these records on the disk.
  State(const fs::path& dir, JobPairs job_pairs, MetricUnits metric_units, const Records& records)
      : lines_path(dir / "metrics.jsonl"),
        series_path(dir / "metrics.h5"),
        job(std::move(job_pairs)),
        units(std::move(metric_units)),
        lines(lines_path, records.text) {
    create_series_file(series_path, records.series, job, units);
    for (const Series& series : records.series)
      if (!series.steps.empty()) last_steps[series.name] = series.steps.back();
  }

  // What is always possible: the file from its truth.
  void rebuild() const {
    constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
    create_series_file(series_path, parse_records(read_text(lines_path), kAll, lines_path).series,
                       job, units);
  }
};

MetricsWriter::MetricsWriter(const fs::path& dir, JobPairs job, MetricUnits units)
    : state_(std::make_unique<State>(dir, std::move(job), std::move(units), Records{})) {}
MetricsWriter::MetricsWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsWriter::~MetricsWriter() = default;
MetricsWriter::MetricsWriter(MetricsWriter&&) noexcept = default;
MetricsWriter& MetricsWriter::operator=(MetricsWriter&&) noexcept = default;

MetricsWriter MetricsWriter::resume(const fs::path& dir, std::int64_t step, JobPairs job,
                                    MetricUnits units) {
  const fs::path path = dir / "metrics.jsonl";
  const Records records = fs::exists(path) ? parse_records(read_text(path), step, path) : Records{};
  return MetricsWriter(std::make_unique<State>(dir, std::move(job), std::move(units), records));
}

void MetricsWriter::append(std::int64_t step, std::span<const MetricValue> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    require_series_name(values[i].name);
    const auto before = values.first(i);
    if (std::ranges::find(before, values[i].name, &MetricValue::name) != before.end()) {
      fail("the series '{}' is twice in the record of step {}.", values[i].name, step);
    }
  }
  state_->pending_lines += record_line(step, values);
  for (const MetricValue& entry : values) {
    add_to(state_->pending, entry.name, step, finite_or_nan(entry.value));
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
  const std::vector<Series> rows = std::exchange(state_->pending, {});
  try {
    append_series_file(state_->series_path, rows, state_->units);
  } catch (const Error&) {
    // A reader holds its lock, or somebody damaged or removed it. A reader keeps the old file then.
    state_->rebuild();
  }
}

}  // namespace terse
