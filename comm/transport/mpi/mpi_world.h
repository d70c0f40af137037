// A world of MPI processes, one rank each. All MPI calls, including MPI_Init_thread, are made on
// the thread that makes the world, which is the rank's communication thread.
#pragma once

#include <memory>
#include <optional>

#include "terse/comm/transport/communicator.h"

namespace terse {

// Initializes MPI (FUNNELED) unless the program has, and finalizes it in the destructor if it was
// initialized here and nothing failed; the destructor of a rank that leaves in order waits for the
// others to leave too. After PeerLost nothing is finalized, buffers under way are leaked on
// purpose, and the process should end by _exit. Once per process, unless the program initializes
// MPI. Throws JobError if MPI cannot be used from this thread.
std::unique_ptr<Communicator> make_mpi_world(const CommunicatorOptions& options);

// The size of the world if a launcher (mpirun, Slurm) started this process; 0 if the launcher does
// not say. Reads the environment only; MPI need not be initialized.
std::optional<int> mpirun_world_size();

}  // namespace terse
