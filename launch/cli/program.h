// The program's commands. Each takes the words after its name and returns the exit code; errors in
// what was typed are JobError.
#pragma once

#include <span>
#include <string>

namespace terse {

int train_command(std::span<const std::string> args);
int compare_command(std::span<const std::string> args);
int bench_command(std::span<const std::string> args);

// Dispatches, prints help and version, turns errors into sentences and exit codes.
int run_program(std::span<const std::string> args);

}  // namespace terse
