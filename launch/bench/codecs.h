// terse bench codecs: how near each codec's passes come to the speed of this core's memory.
#pragma once

#include <span>
#include <string>

namespace terse {

// Takes the words after `bench codecs`; returns the exit code. Prints a table and, for --json FILE,
// writes the same numbers there. Throws JobError for words that it does not know.
int bench_codecs(std::span<const std::string> words);

}  // namespace terse
