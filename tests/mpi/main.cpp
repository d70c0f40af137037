// Tests that call MPI on the thread that initialized it.
#include <mpi.h>

#include "mpi/rank_main.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int provided = 0, rank = 0, size = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  terse::test::run_tests_of_rank(rank, size, argc, argv);
  MPI_Finalize();
  return 0;
}
