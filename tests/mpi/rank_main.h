// What the main functions of test programs under mpirun share. Every rank runs the same tests; rank
// 0 prints, the others print only what fails. A rank that fails makes mpirun fail, and a world of
// another size than declared fails at once: one that started as N worlds of one would test nothing.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "terse/comm/transport/comm_thread.h"
#include "terse/comm/transport/mpi/mpi_world.h"

namespace terse::test {

class OnlyFailures : public testing::EmptyTestEventListener {
 public:
  explicit OnlyFailures(int rank) : rank_(rank) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.passed()) return;
    std::printf("rank %d: %s:%d: %s\n", rank_, result.file_name(), result.line_number(),
                result.message());
  }

 private:
  int rank_;
};

inline int declared_ranks(int argc, char** argv) {
  constexpr std::string_view kOption = "--ranks=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument.starts_with(kOption)) return std::atoi(argument.substr(kOption.size()).data());
  }
  return 0;
}

// Runs the tests of this rank. A failure ends the process at once: the
// others may be waiting for this rank in the middle of a test.
inline void run_tests_of_rank(int rank, int size, int argc, char** argv) {
  if (size != declared_ranks(argc, argv)) {
    std::printf("rank %d: the world has %d ranks, but --ranks=%d was declared\n", rank, size,
                declared_ranks(argc, argv));
    std::fflush(stdout);
    _exit(1);
  }
  if (rank != 0) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new OnlyFailures(rank));
  }
  const int failed = RUN_ALL_TESTS();
  std::fflush(stdout);
  if (failed != 0) _exit(1);
}

// The rank's communication thread while its tests run: MPI starts once in the life of a process.
inline CommThread* world = nullptr;

inline int main_in_world(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  CommThread thread([] { return make_mpi_world({}); });
  world = &thread;
  run_tests_of_rank(thread.rank(), thread.size(), argc, argv);
  return 0;
}

}  // namespace terse::test
