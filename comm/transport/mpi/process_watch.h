// Detects within milliseconds that a process on this machine has ended: a launcher that ends the
// whole job because one rank died may leave the others no time to detect its silence. Makes no MPI
// calls. One thread at a time.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace terse {

// Identifies a process to others on its machine; trivially copyable, to be exchanged as bytes.
struct ProcessId {
  // Of the running system and of the process's PID namespace: processes of another one are not
  // watched. Zero where the system does not say it.
  std::uint64_t machine = 0;
  std::int64_t pid = 0;
};
ProcessId this_process();

class ProcessWatch {
 public:
  // `processes` by rank; `rank` is this process, which is not watched.
  ProcessWatch(int rank, const std::vector<ProcessId>& processes);
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  // Whether rank's end would be noticed: it runs on this machine, and the kernel is Linux 5.3 or
  // later.
  bool watches(int rank) const;
  // The ranks whose processes have ended, ascending; allocates nothing while there are none. Asks
  // the kernel every 5 ms at most and returns none in between.
  std::vector<int> find_ended();

 private:
  std::vector<pollfd> files_;  // pidfds by rank; negative: not watched
  std::chrono::steady_clock::time_point next_look_;
};

}  // namespace terse
