// ProgressBar of a run: a bar that redraws itself on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace terse {

struct ProgressBarOptions {
  bool active = true;       // false (every rank but 0): prints nothing
  std::int64_t total = 0;   // steps of the whole run; 0 if unknown
  std::int64_t first = 0;   // steps already done when the run started (resumed)
  std::FILE* out = stderr;  // not owned
  // Whether `out` is a terminal; isatty() decides by default.
  std::optional<bool> terminal = std::nullopt;
  std::function<double()> seconds = {};  // a monotonic clock; the system's by default
};

class ProgressBar {
 public:
  explicit ProgressBar(ProgressBarOptions options);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Shows that `step` steps are done. May be called at every step: redraws a bar at most ten times
  // a second, prints a line at most every two seconds, and always shows the last step.
  void update(std::int64_t step, double loss);

  // Prints a line above the bar.
  void print_line(std::string_view line);

  // Leaves the bar on the screen and moves to the next line. The destructor does so too.
  void finish();

 private:
  std::string status(std::int64_t step, double loss, double elapsed) const;
  void write(const std::string& text) const;
  void draw(const std::string& text, std::int64_t step);

  ProgressBarOptions options_;
  bool terminal_;
  double started_at_;
  std::optional<double> shown_at_;
  std::string bar_;  // as it is on the screen; empty if there is none
};

}  // namespace terse
