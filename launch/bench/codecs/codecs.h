// terse bench codecs: how near each codec's passes come to the speed of this core's memory.
#pragma once

#include <span>
#include <string>

#include "terse/launch/bench/codecs/low_rank.h"

namespace terse {

// Takes the words after `bench codecs`; returns the exit code. Prints tables and, for --json FILE,
// writes the same numbers there; PowerSGD is compared with the products of `library` if there is
// one. Throws JobError for words that it does not know.
int bench_codecs(std::span<const std::string> args, const MatrixProducts& library = {});

}  // namespace terse
