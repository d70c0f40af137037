#include "terse/launch/cli/program.h"

#include <cstdio>

#include "terse/base/error.h"
#include "terse/launch/tools/tools.h"
#include "terse/launch/world/world.h"

namespace terse {
namespace {

constexpr const char* kHelp =
    R"(terse trains LibTorch models over networks too slow for dense gradients.

  terse train JOB.ini [--section.key value ...]   train a model; under mpirun, one rank per process
  terse compare DIR ... [--plot FILE]             print a table of finished runs, and plot them
  terse bench codecs|exchange|overlap             measure codecs and exchanges on this machine
  terse encode TENSOR MESSAGE --codec NAME        encode a tensor file as a message file
  terse decode MESSAGE TENSOR                     decode it again
  terse codecs                                    list the codecs
  terse converge                                  test whether each codec reaches the optimum
  terse <command> --help                          print the options of a command
  terse --version                                 print the version

Exit codes: 0 done, 1 run failed, 2 wrong job or arguments, 3 a peer was lost, 130 interrupted.
)";

int dispatch(std::span<const std::string> args) {
  if (args.empty()) {
    fmt::print(stderr, "{}", kHelp);
    return static_cast<int>(ExitCode::bad_job);
  }
  const std::string& command = args.front();
  const auto rest = args.subspan(1);
  if (command == "train") return train_command(rest);
  if (command == "compare") return compare_command(rest);
  if (command == "bench") return bench_command(rest);
  if (const auto code = run_tool(args)) return *code;
  if (command == "--help" || command == "-h" || command == "help") {
    fmt::print("{}", kHelp);
    return 0;
  }
  if (command == "--version") {
    fmt::print("terse {}\n", TERSE_VERSION);
    return 0;
  }
  fail<JobError>(
      "unknown command '{}'; the commands are train, compare, bench, encode, decode, codecs and "
      "converge (see terse --help).",
      command);
}

}  // namespace

int run_program(std::span<const std::string> args) {
  return run_reporting_errors([&] { return dispatch(args); });
}

}  // namespace terse
