// What the benchmarks that need a world share.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "terse/comm/comm_thread.h"
#include "terse/config/arguments.h"

namespace terse {

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Of a list that is not empty; the upper one of two.
double median(std::vector<double> values);

// The whole number from 1 that a switch gives. Throws JobError for any other word.
int count_of(const Arguments& arguments, const std::string& name, int otherwise);

}  // namespace terse
