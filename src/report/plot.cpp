#include "terse/report/plot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/report/label_placement.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

// Pixels; the margins are around the axes.
constexpr double kWidth = 860, kHeight = 520;
constexpr double kLeft = 90, kRight = 40, kBottom = 75, kTop = 60;
constexpr double kCharWidth = 8.5, kLabelHeight = 17;

struct Point {
  double bytes, percent;
  std::string label;
};

struct Range {
  double low, high;
  double fraction(double value) const { return (value - low) / (high - low); }
};

std::vector<Point> points_of(const Comparison& comparison) {
  std::vector<Point> points;
  for (const RunGroup& group : comparison.groups) {
    const double bytes = group.mean.bytes_sent_per_step_per_rank;
    const double accuracy = group.mean.test_accuracy;
    if (std::isfinite(bytes) && bytes > 0 && std::isfinite(accuracy))
      points.push_back({bytes, 100 * accuracy, group_label(group, comparison)});
  }
  return points;
}

// In decades, with room for labels at both ends.
Range bytes_range(const std::vector<Point>& points) {
  const auto [low, high] = std::ranges::minmax(points, {}, &Point::bytes);
  return {std::log10(low.bytes) - 0.35, std::log10(high.bytes) + 0.35};
}

// At least a tenth of a percentage point on each side, so that noise does not look like a cliff.
Range percent_range(const std::vector<Point>& points) {
  const auto [low, high] = std::ranges::minmax(points, {}, &Point::percent);
  const double margin = std::max(0.1, 0.35 * (high.percent - low.percent));
  return {low.percent - margin, high.percent + margin};
}

std::string gnuplot_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += (c == '\n' || c == '\0') ? ' ' : c;
  }
  return out + "'";
}

std::string labels_script(const std::vector<Point>& points, const Range& bytes,
                          const Range& percent) {
  std::vector<LabeledPoint> places;
  for (const Point& point : points) {
    places.push_back({kLeft + bytes.fraction(std::log10(point.bytes)) * (kWidth - kLeft - kRight),
                      kBottom + percent.fraction(point.percent) * (kHeight - kBottom - kTop),
                      kCharWidth * static_cast<double>(point.label.size())});
  }
  const LabelBox axes{kLeft, kBottom, kWidth - kLeft - kRight, kHeight - kBottom - kTop};
  const std::vector<LabelBox> boxes = place_labels(places, kLabelHeight, axes);
  std::string script;
  for (std::size_t i = 0; i < points.size(); ++i) {
    script +=
        fmt::format("set label {} at screen {:.5f}, screen {:.5f} center\n",
                    gnuplot_text(points[i].label), (boxes[i].left + boxes[i].width / 2) / kWidth,
                    (boxes[i].bottom + boxes[i].height / 2) / kHeight);
  }
  return script;
}

std::string plot_script(const std::vector<Point>& points, const fs::path& suffix,
                        const std::string& title) {
  const Range bytes = bytes_range(points), percent = percent_range(points);
  std::string script = fmt::format(
      "set terminal {} size {},{} noenhanced font 'Sans,{}' background rgb '#ffffff'\n",
      suffix == ".png" ? "pngcairo" : "svg", kWidth, kHeight, suffix == ".png" ? 11 : 14);
  script += fmt::format(
      "set lmargin at screen {}\nset rmargin at screen {}\nset bmargin at screen {}\nset tmargin "
      "at screen {}\n",
      kLeft / kWidth, 1 - kRight / kWidth, kBottom / kHeight, 1 - kTop / kHeight);
  script += fmt::format(
      "set title {}\nset xlabel 'bytes sent per step and rank (B, log scale)'\nset ylabel 'test "
      "accuracy (%)'\n",
      gnuplot_text(title));
  script +=
      fmt::format("set logscale x 10\nset xrange [{}:{}]\nset yrange [{}:{}]\n",
                  std::pow(10, bytes.low), std::pow(10, bytes.high), percent.low, percent.high);
  script +=
      "set format x '%.0s %cB'\nset format y '%.2f'\nset grid xtics ytics lc rgb '#dddddd' lt "
      "1\nset border 3 lc rgb "
      "'#444444'\n"
      "set tics nomirror\nunset key\n";
  script += labels_script(points, bytes, percent);
  script += "plot '-' with points pt 7 ps 1.2 lc rgb '#1f5fa8'\n";
  for (const Point& point : points) script += fmt::format("{} {}\n", point.bytes, point.percent);
  return script + "e\n";
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File temporary_file() {
  File file(std::tmpfile(), std::fclose);
  if (!file) fail("cannot make a temporary file for gnuplot: {}.", std::strerror(errno));
  return file;
}

std::string read_from_start(std::FILE* file) {
  std::string text;
  char buffer[4096];
  std::rewind(file);
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, file))
    text.append(buffer, count);
  return text;
}

// Runs the program with `input` on its standard input and returns its standard output. Uses
// temporary files instead of pipes, so that neither side can block the other.
std::string run(const std::string& program, const std::string& input) {
  const File in = temporary_file(), out = temporary_file(), err = temporary_file();
  if (std::fwrite(input.data(), 1, input.size(), in.get()) != input.size() ||
      std::fflush(in.get()) != 0) {
    fail("cannot write the script for {}: {}.", program, std::strerror(errno));
  }
  std::rewind(in.get());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ::fileno(in.get()), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ::fileno(out.get()), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ::fileno(err.get()), STDERR_FILENO);
  std::string name = program;
  char* const arguments[] = {name.data(), nullptr};
  pid_t child = -1;
  const int spawned = ::posix_spawnp(&child, name.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  while (spawned == 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (spawned == ENOENT || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
    fail(
        "no picture was drawn: the program '{}' was not found. Install it (apt install "
        "gnuplot-nox) and try again.",
        program);
  }
  if (spawned != 0)
    fail("no picture was drawn: {} could not be started: {}.", program, std::strerror(spawned));
  if (status != 0)
    fail("no picture was drawn: {} failed and said: {}", program, read_from_start(err.get()));
  return read_from_start(out.get());
}

}  // namespace

void plot_accuracy(const fs::path& path, const Comparison& comparison, const PlotOptions& options) {
  const fs::path suffix = path.extension();
  if (suffix != ".svg" && suffix != ".png")
    fail("cannot draw {}: a picture's name must end in .svg or .png.", path.string());
  const std::vector<Point> points = points_of(comparison);
  if (points.empty()) fail("no picture was drawn: no run has both a test accuracy and bytes sent.");
  const std::string picture = run(options.program, plot_script(points, suffix, options.title));
  if (picture.empty()) fail("no picture was drawn: {} wrote nothing.", options.program);
  write_atomic(path, picture);
}

}  // namespace terse
