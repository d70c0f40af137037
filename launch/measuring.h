// What the benchmarks that need a world share.
#pragma once

#include <chrono>
#include <vector>

#include "terse/comm/comm_thread.h"

namespace terse {

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Of a list that is not empty; the upper one of two.
double median(std::vector<double> values);

}  // namespace terse
