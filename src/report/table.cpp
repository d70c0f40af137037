#include "terse/report/table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "terse/base/error.h"

namespace terse {
namespace {

constexpr const char* kNone = "-";

std::string padded(const std::string& text, std::size_t width, bool left) {
  return left ? fmt::format("{:<{}}", text, width) : fmt::format("{:>{}}", text, width);
}

// Three significant digits: 4.82, 48.2, 482.
std::string three_digits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string times(double factor) {
  return std::isfinite(factor) ? three_digits(factor) + "x" : kNone;
}

std::string percent(double fraction) {
  return std::isfinite(fraction) ? fmt::format("{:.2f} %", 100 * fraction) : kNone;
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : kNone;
}

std::string ratio(const Summary& run) {
  return run.compression_ratio ? times(*run.compression_ratio) : kNone;
}

std::string accuracy_range(const RunGroup& group) {
  if (!std::isfinite(group.mean.test_accuracy)) return kNone;
  return fmt::format("{:.2f} to {:.2f}", 100 * group.lowest_accuracy, 100 * group.highest_accuracy);
}

std::string speed_up(const RunGroup& group, const Comparison& comparison) {
  const RunGroup* dense = dense_group(group, comparison);
  return dense == nullptr ? kNone
                          : times(dense->mean.seconds_per_step / group.mean.seconds_per_step);
}

}  // namespace

std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& cell : header) widths.push_back(cell.size());
  for (const auto& row : rows) {
    if (row.size() != header.size())
      fail("a table with {} columns has a row with {} cells.", header.size(), row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i)
      text += (i == 0 ? "" : "  ") + padded(cells[i], widths[i], i == 0);
    return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  std::vector<std::string> rule;
  for (const std::size_t width : widths) rule.emplace_back(width, '-');
  std::string text = line(header) + line(rule);
  for (const auto& row : rows) text += line(row);
  return text;
}

std::string format_bytes(double bytes) {
  if (!std::isfinite(bytes)) return kNone;
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{} {}", unit == 0 ? fmt::format("{:.0f}", bytes) : three_digits(bytes),
                     kUnits[unit]);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return kNone;
  if (seconds < 0.9995e-3) return three_digits(seconds * 1e6) + " us";
  if (seconds < 0.9995) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds) + " s";
}

std::string result_table(const Summary& summary) {
  return format_table(
      {"run", summary.codec},
      {{"test accuracy", percent(summary.test_accuracy)},
       {"test loss", number(summary.test_loss)},
       {"steps", fmt::format("{}", summary.steps)},
       {"time", format_seconds(summary.seconds)},
       {"time per step (median)", format_seconds(summary.seconds_per_step)},
       {"bytes sent per step and rank", format_bytes(summary.bytes_sent_per_step_per_rank)},
       {"the same without compression", format_bytes(summary.dense_bytes_per_step_per_rank)},
       {"compression ratio", ratio(summary)},
       {"ranks", fmt::format("{} ({})", summary.world.size, summary.world.kind)},
       {"hash of the parameters", summary.parameter_hash}});
}

std::string comparison_table(const Comparison& comparison) {
  const bool repeated =
      std::ranges::any_of(comparison.groups, [](const RunGroup& group) { return group.runs > 1; });
  std::vector<std::string> header = {"codec"};
  header.insert(header.end(), comparison.differing.begin(), comparison.differing.end());
  header.emplace_back("test accuracy");
  if (repeated) header.insert(header.end(), {"lowest to highest", "runs"});
  header.insert(header.end(),
                {"bytes per step and rank", "ratio", "time per step", "speed-up over dense"});
  std::vector<std::vector<std::string>> rows;
  for (const RunGroup& group : comparison.groups) {
    const Summary& mean = group.mean;
    std::vector<std::string> row = {group.codec};
    for (const std::string& name : comparison.differing) row.push_back(setting_text(group, name));
    row.push_back(percent(mean.test_accuracy));
    if (repeated) row.insert(row.end(), {accuracy_range(group), fmt::format("{}", group.runs)});
    row.insert(row.end(), {format_bytes(mean.bytes_sent_per_step_per_rank), ratio(mean),
                           format_seconds(mean.seconds_per_step), speed_up(group, comparison)});
    rows.push_back(std::move(row));
  }
  return format_table(header, rows);
}

}  // namespace terse
