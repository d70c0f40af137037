#include <array>
#include <filesystem>
#include <vector>

#include "terse/base/error.h"
#include "terse/config/arguments.h"
#include "terse/launch/cli/program.h"
#include "terse/report/plot.h"
#include "terse/report/summary.h"
#include "terse/report/table.h"

namespace terse {
namespace {

const std::array<Switch, 2> kSwitches = {{
    {"plot", "FILE", "draw accuracy against bytes (.svg or .png); needs gnuplot"},
    {"help", "", "this text"},
}};

}  // namespace

int compare_command(std::span<const std::string> args) {
  const Arguments arguments = parse_arguments(args, kSwitches);
  if (arguments.switches.contains("help")) {
    fmt::print(
        "terse compare DIR ... [--plot FILE]: a table of the runs whose output folders are named; "
        "runs of one codec and level (seeds, say) become one line with their mean and spread\n\n{}",
        help_text(kSwitches));
    return 0;
  }
  if (arguments.positional.empty())
    fail<JobError>("terse compare needs the output folder of at least one run.");
  std::vector<Summary> summaries;
  for (const std::string& dir : arguments.positional) summaries.push_back(read_summary(dir));
  fmt::print("{}", comparison_table(summaries));
  if (arguments.switches.contains("plot")) {
    const std::string& file = arguments.switches.at("plot");
    plot_accuracy(file, average(summaries));
    fmt::print("\nAccuracy against bytes: {}\n", file);
  }
  return 0;
}

}  // namespace terse
