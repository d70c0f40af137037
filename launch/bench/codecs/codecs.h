// terse bench codecs: the speed of each codec's passes, relative to the memory bandwidth of a core.
#pragma once

#include <span>
#include <string>

#include "terse/launch/bench/codecs/low_rank.h"

namespace terse {

// Takes the arguments after `codecs` and returns the exit code. Prints tables and, for --json FILE,
// writes the same numbers there; compares PowerSGD with the matrix products of `library` if there
// is one. Throws JobError for unknown arguments.
int bench_codecs(std::span<const std::string> args, const MatrixProducts& library = {});

}  // namespace terse
