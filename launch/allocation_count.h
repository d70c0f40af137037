// How often this program has asked for memory through operator new: benchmarks show that a steady
// step does not.
#pragma once

#include <cstdint>

namespace terse {

std::uint64_t allocation_count();

}  // namespace terse
