// Worlds: N ranks as threads of this process, or this process as one rank of mpirun's.
#pragma once

#include <functional>
#include <string>

#include "terse/base/error.h"
#include "terse/comm/transport/comm_thread.h"

namespace terse {

struct WorldOptions {
  CommunicatorOptions communicator;
  bool mpi = false;
  int ranks = 1;  // of threads
};

// What one rank does; its result is the exit code. Called on a thread of the rank's own.
using RankBody = std::function<ExitCode(CommThread& thread)>;

// Runs the body on every rank of this process and returns the process's exit code. Errors are
// printed here, on stderr, once where all ranks agree: PeerLost becomes 3, JobError 2, any other
// error 1. A rank that fails alone tells the others, which then end with PeerLost. Under MPI, after
// a failure that the others do not share, the process ends here by _exit, without MPI_Finalize:
// that would wait for the lost.
int run_world(const WorldOptions& options, const RankBody& body);

// Runs `body` and returns its exit code. Errors are printed, and become exit codes as in
// run_world().
int run_reporting_errors(const std::function<int()>& body);

// Prints "terse: <sentence>" on stderr, with the rank if it is not negative.
void print_error(int rank, const std::string& sentence);

}  // namespace terse
