#include "terse/launch/world/signals.h"

#include <unistd.h>

#include <csignal>

#include "terse/base/error.h"

namespace terse {
namespace {

// A signal handler can access only objects with static storage.
std::atomic<bool> stop{false};
std::atomic<bool> end{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  if (signal == SIGINT && stop) _exit(static_cast<int>(ExitCode::interrupted));
  if (signal == SIGTERM) end = true;
  stop = true;
}

}  // namespace

const std::atomic<bool>& stop_wanted() { return stop; }
const std::atomic<bool>& end_wanted() { return end; }

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);
  // A file size limit or a closed pipe is then an error of the write and does not end the process.
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGXFSZ, SIGPIPE}) sigaction(signal, &action, nullptr);
}

}  // namespace terse
