// The program's commands. Each takes the arguments after its name and returns the exit code; throws
// JobError for wrong arguments.
#pragma once

#include <span>
#include <string>

namespace terse {

int train_command(std::span<const std::string> args);
int compare_command(std::span<const std::string> args);
int bench_command(std::span<const std::string> args);

// Runs the command that `args` begins with, or prints help or version. Prints errors on stderr and
// returns the exit code.
int run_program(std::span<const std::string> args);

}  // namespace terse
