// How far a run is: a bar that redraws itself on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace terse {

struct ProgressOptions {
  bool active = true;       // false on all ranks but 0: nothing is printed
  std::int64_t total = 0;   // steps of the whole run; 0 if unknown
  std::int64_t first = 0;   // steps already done when the run began (resumed)
  std::FILE* out = stderr;  // stays the caller's
  std::optional<bool> terminal =
      std::nullopt;                      // whether `out` is one; asked of the system by default
  std::function<double()> seconds = {};  // a clock that only goes forward; the system's by default
};

class Progress {
 public:
  explicit Progress(ProgressOptions options);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `step` steps are done. Call it at each log interval, or at each step: a bar is redrawn at most
  // ten times a second, a line printed at most every two seconds; the last step is always shown.
  void update(std::int64_t step, double loss);

  // A line of its own, above the bar.
  void say(std::string_view line);

  // Leaves the bar as it stands and goes to the next line. The destructor does so too.
  void finish();

 private:
  std::string text(std::int64_t step, double loss, double elapsed) const;
  void print(const std::string& text) const;
  void draw(const std::string& text, std::int64_t step);

  ProgressOptions options_;
  bool terminal_;
  double began_;
  std::optional<double> shown_at_;
  std::string bar_;  // on the screen now; empty if none
};

}  // namespace terse
