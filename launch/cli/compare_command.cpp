#include <array>

#include "terse/base/error.h"
#include "terse/config/arguments.h"
#include "terse/launch/cli/program.h"
#include "terse/report/comparison.h"
#include "terse/report/plot.h"
#include "terse/report/table.h"

namespace terse {
namespace {

const std::array<Switch, 2> kSwitches = {{
    {"plot", "FILE", "draw accuracy against bytes (.svg or .png); needs gnuplot"},
    {"help", "", "print this text"},
}};

}  // namespace

int compare_command(std::span<const std::string> args) {
  const Arguments arguments = parse_arguments(args, kSwitches);
  if (arguments.has("help")) {
    fmt::print(
        "terse compare DIR ... [--plot FILE]\n\n"
        "Prints a table of the runs in these output folders. Runs that differ in train.seed,\n"
        "data.path and output.* alone become one line, with their mean and range. Where other\n"
        "settings differ, the table has a column for each of them. Each run of an earlier "
        "version,\n"
        "whose summary.json has no job record, is a separate line.\n\n{}",
        help_text(kSwitches));
    return 0;
  }
  if (arguments.positional.empty())
    fail<JobError>("terse compare needs the output folder of at least one run.");
  const Comparison comparison = compare_runs(read_runs(arguments.positional));
  fmt::print("{}", comparison_table(comparison));
  if (const auto plot = arguments.value("plot")) {
    const std::string& file = *plot;
    plot_accuracy(file, comparison);
    fmt::print("\nAccuracy against bytes: {}\n", file);
  }
  return 0;
}

}  // namespace terse
