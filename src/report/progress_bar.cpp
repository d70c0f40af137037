#include "terse/report/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace terse {
namespace {

constexpr double kBarEvery = 0.1, kLineEvery = 2.0;  // seconds
constexpr std::size_t kBarWidth = 20;
constexpr std::size_t kUnknownWidth = 80;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::size_t terminal_width(std::FILE* out) {
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : kUnknownWidth;
}

std::string clock_text(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string bar(std::int64_t step, std::int64_t total) {
  const double fraction =
      std::clamp(static_cast<double>(step) / static_cast<double>(total), 0.0, 1.0);
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(kBarWidth));
  std::string text(kBarWidth, ' ');
  std::fill_n(text.begin(), full, '=');
  if (full < kBarWidth) text[full] = '>';
  return fmt::format("[{}] ", text);
}

}  // namespace

ProgressBar::ProgressBar(ProgressBarOptions options)
    : options_(std::move(options)),
      terminal_(options_.terminal.value_or(::isatty(::fileno(options_.out)) == 1)) {
  if (!options_.seconds) options_.seconds = steady_seconds;
  started_at_ = options_.seconds();
}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::update(std::int64_t step, double loss) {
  if (!options_.active) return;
  const double now = options_.seconds();
  const bool last = options_.total > 0 && step >= options_.total;
  const bool due = !shown_at_ || now - *shown_at_ >= (terminal_ ? kBarEvery : kLineEvery);
  if (!due && !last) return;
  shown_at_ = now;
  draw(status(step, loss, now - started_at_), step);
}

std::string ProgressBar::status(std::int64_t step, double loss, double elapsed) const {
  std::string text = options_.total > 0 ? fmt::format("step {}/{}", step, options_.total)
                                        : fmt::format("step {}", step);
  text += fmt::format("  loss {:.4f}", loss);
  const auto done = static_cast<double>(step - options_.first);
  if (done <= 0 || elapsed <= 0) return text;
  const double rate = done / elapsed;
  text += fmt::format("  {:.{}f} steps/s", rate, rate < 9.995 ? 2 : 1);
  if (options_.total > step)
    text += "  ETA " + clock_text(static_cast<double>(options_.total - step) / rate);
  return text;
}

void ProgressBar::draw(const std::string& text, std::int64_t step) {
  if (!terminal_) {
    write(fmt::format("{}\n", text));
    return;
  }
  // Keeps one column free: a full line would wrap, and a carriage return would not return to its
  // beginning.
  std::string line = (options_.total > 0 ? bar(step, options_.total) : "") + text;
  line.resize(std::min(line.size(), terminal_width(options_.out) - 1));
  const std::size_t leftover = bar_.size() > line.size() ? bar_.size() - line.size() : 0;
  write(fmt::format("\r{}{:{}}", line, "", leftover));
  bar_ = line;
}

// Ignores write errors: a closed terminal must not end a run.
void ProgressBar::write(const std::string& text) const {
  std::fputs(text.c_str(), options_.out);
  std::fflush(options_.out);
}

void ProgressBar::print_line(std::string_view line) {
  if (!options_.active) return;
  if (bar_.empty()) {
    write(fmt::format("{}\n", line));
  } else {
    write(fmt::format("\r{:{}}\r{}\n{}", "", bar_.size(), line, bar_));
  }
}

void ProgressBar::finish() {
  if (bar_.empty()) return;
  write("\n");
  bar_.clear();
}

}  // namespace terse
