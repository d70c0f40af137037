#include "terse/comm/transport/mpi/process_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace terse::test {
namespace {

using std::chrono::milliseconds;

// A child process that does nothing.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  ProcessId id() const { return {this_process().machine, pid_}; }
  void send(int signal) const { ASSERT_EQ(::kill(pid_, signal), 0); }

 private:
  pid_t pid_;
};

// What is found within a second.
std::vector<int> find_within_a_second(ProcessWatch& watch) {
  std::vector<int> ended;
  const auto end = std::chrono::steady_clock::now() + milliseconds(1000);
  while (ended.empty() && std::chrono::steady_clock::now() < end) {
    ended = watch.find_ended();
    std::this_thread::sleep_for(milliseconds(1));
  }
  return ended;
}

TEST(ProcessWatch, AKilledProcessHasEndedAndAStoppedOneHasNot) {
  const Sleeper killed, stopped;
  ProcessWatch watch(1, {stopped.id(), this_process(), killed.id()});
  if (!watch.watches(2)) GTEST_SKIP() << "this kernel has no pidfd_open";
  EXPECT_TRUE(watch.watches(0));
  EXPECT_FALSE(watch.watches(1));
  stopped.send(SIGSTOP);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(watch.find_ended(), std::vector<int>{});
  // Nobody has waited for it: it has ended all the same.
  killed.send(SIGKILL);
  EXPECT_EQ(find_within_a_second(watch), std::vector<int>{2});
}

TEST(ProcessWatch, ProcessesOfAnotherMachineAreNotWatched) {
  const Sleeper sleeper;
  ProcessId other = sleeper.id();
  other.machine ^= 1;
  EXPECT_FALSE(ProcessWatch(0, {this_process(), other}).watches(1));
  EXPECT_FALSE(ProcessWatch(0, {ProcessId{}, ProcessId{}}).watches(1));
}

}  // namespace
}  // namespace terse::test
