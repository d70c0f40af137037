// The step loop: batch -> loss -> backward with compressed exchange -> optimizer, with evaluation,
// metrics and checkpoints.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "terse/comm/transport/comm_thread.h"
#include "terse/config/job.h"
#include "terse/data/dataset.h"

namespace terse {

struct TrainOptions {
  std::string world_kind = "threads";  // threads | mpi
  std::string version;
  bool resume = false;   // go on from the newest checkpoint in output.dir
  bool dry_run = false;  // print the resolved job and the plan, and return
  bool quiet = false;    // no progress and no table
  const std::atomic<bool>* stop_wanted = nullptr;
};

enum class TrainEnd { done, interrupted };

// One rank's whole run; every rank of the world calls it with an equal job and equal data (which is
// checked before step 1). The data set may be shared by ranks of one process. Rank 0 prints and
// writes metrics; every rank writes its checkpoint file. Throws JobError, Error or PeerLost; errors
// that all ranks can know of are thrown by all of them alike.
TrainEnd train(const Job& job, const Dataset& data, CommThread& thread,
               const TrainOptions& options);

}  // namespace terse
