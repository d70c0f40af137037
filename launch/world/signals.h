// The wish to stop: SIGINT, SIGTERM and SIGUSR1 set a flag that the ranks carry to each other.
#pragma once

#include <atomic>

namespace terse {

// Set by any of the three signals. A second SIGINT ends the process at once, with 130.
const std::atomic<bool>& stop_wanted();
// Set by SIGTERM alone: what a launcher sends when it ends the job.
const std::atomic<bool>& end_wanted();

void install_signal_handlers();

}  // namespace terse
