// The world of mpirun: one rank per process. All MPI calls, MPI_Init_thread among them, are made on
// the thread that makes the world, which is the rank's communication thread.
#pragma once

#include <memory>
#include <optional>

#include "terse/comm/transport/communicator.h"

namespace terse {

// Initializes MPI (FUNNELED) unless the program has, and finalizes it in the destructor if it was
// initialized here and nothing failed; the destructor of a rank that leaves in good order waits for
// the others to do so too. After PeerLost nothing is finalized, buffers under way are leaked on
// purpose, and the process is to leave by _exit. Once in the life of a process, unless the program
// owns MPI. Throws JobError where MPI cannot be used from this thread.
std::unique_ptr<Communicator> make_mpi_world(const CommunicatorOptions& options);

// The size of the world if a launcher (mpirun, Slurm) started this process; 0 where the launcher
// does not say it. Only looks at what launchers leave in the environment; MPI need not be
// initialized.
std::optional<int> mpirun_world_size();

}  // namespace terse
