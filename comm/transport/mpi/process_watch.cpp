#include "terse/comm/transport/mpi/process_watch.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "terse/base/hash.h"

namespace terse {
namespace {

constexpr std::chrono::milliseconds kInterval{5};

int open_process([[maybe_unused]] std::int64_t pid) {
#ifdef SYS_pidfd_open
  return static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
#else
  return -1;
#endif
}

}  // namespace

ProcessId this_process() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  struct stat pid_namespace {};
  if (boot.empty() || ::stat("/proc/self/ns/pid", &pid_namespace) != 0) return {};
  return {hash64(boot + " " + std::to_string(pid_namespace.st_ino)), ::getpid()};
}

ProcessWatch::ProcessWatch(int rank, const std::vector<ProcessId>& processes)
    : files_(processes.size(), pollfd{-1, POLLIN, 0}) {
  const ProcessId self = processes[static_cast<std::size_t>(rank)];
  for (std::size_t peer = 0; peer < processes.size(); ++peer) {
    const ProcessId& other = processes[peer];
    if (self.machine == 0 || other.machine != self.machine || other.pid == self.pid) continue;
    files_[peer].fd = open_process(other.pid);
  }
}

ProcessWatch::~ProcessWatch() {
  for (const pollfd& file : files_) {
    if (file.fd >= 0) ::close(file.fd);
  }
}

bool ProcessWatch::watches(int rank) const {
  return files_[static_cast<std::size_t>(rank)].fd >= 0;
}

std::vector<int> ProcessWatch::find_ended() {
  std::vector<int> ended;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return ended;
  next_look_ = now + kInterval;
  if (::poll(files_.data(), files_.size(), 0) <= 0) return ended;
  for (std::size_t rank = 0; rank < files_.size(); ++rank) {
    if ((files_[rank].revents & POLLIN) != 0) ended.push_back(static_cast<int>(rank));
  }
  return ended;
}

}  // namespace terse
