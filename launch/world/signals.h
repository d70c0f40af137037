// Stop requests by SIGINT, SIGTERM and SIGUSR1, as flags that the ranks exchange.
#pragma once

#include <atomic>

namespace terse {

// Set by any of the three signals. A second SIGINT ends the process at once with exit code 130.
const std::atomic<bool>& stop_wanted();
// Set by SIGTERM alone, which a launcher sends to end the job.
const std::atomic<bool>& end_wanted();

void install_signal_handlers();

}  // namespace terse
