// Counts allocations, with which benchmarks show that a step in steady state makes none.
#pragma once

#include <cstdint>

namespace terse {

// The number of calls of operator new by the calling thread. It is per thread because the ranks of
// a process are not all in the same step.
std::uint64_t allocation_count();

}  // namespace terse
