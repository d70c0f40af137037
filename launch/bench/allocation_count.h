// How often the calling thread has asked for memory through operator new: benchmarks show that a
// steady step does not. By thread, because the ranks that share a process are not all in the same
// step.
#pragma once

#include <cstdint>

namespace terse {

std::uint64_t allocation_count();

}  // namespace terse
