// Under mpirun every rank runs the same tests. Rank 0 prints; the others print only what fails. A
// rank that fails makes mpirun fail, and a world of another size than declared fails at once: one
// that started as N worlds of one would test nothing.
#include <gtest/gtest.h>
#include <mpi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

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

int declared_ranks(int argc, char** argv) {
  constexpr std::string_view kOption = "--ranks=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument.starts_with(kOption)) return std::atoi(argument.substr(kOption.size()).data());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int provided = 0, rank = 0, size = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
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
  if (failed != 0) _exit(1);  // the others may be waiting for this rank in the middle of a test
  MPI_Finalize();
  return 0;
}
