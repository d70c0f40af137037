// Time measurement.
#pragma once

#include <chrono>

#include "terse/comm/transport/comm_thread.h"

namespace terse {

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace terse
