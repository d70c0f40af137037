// Runs ranks: N as threads of this process, or this process as one rank under mpirun.
#pragma once

#include <functional>
#include <string>

#include "terse/base/error.h"
#include "terse/comm/transport/comm_thread.h"

namespace terse {

struct WorldOptions {
  CommunicatorOptions communicator;
  bool mpi = false;
  int ranks = 1;  // as threads; not used under MPI
};

// The body of one rank, called on the rank's own thread; returns the exit code.
using RankBody = std::function<ExitCode(CommThread& thread)>;

// Runs the body on every rank of this process and returns the process's exit code: 3 for PeerLost,
// 2 for JobError, 1 for any other error. Prints errors on stderr, once if all ranks throw the same.
// A rank that fails alone notifies the others, which then end with PeerLost. Under MPI, a failure
// that the others do not share ends the process here by _exit() without MPI_Finalize(), which would
// wait for the lost ranks.
int run_world(const WorldOptions& options, const RankBody& body);

// Runs `body` and returns its exit code. Prints errors and maps them to exit codes as run_world()
// does.
int run_reporting_errors(const std::function<int()>& body);

// Prints "terse: <sentence>" on stderr, with the rank if it is not negative.
void print_error(int rank, const std::string& sentence);

}  // namespace terse
