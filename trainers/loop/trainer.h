// The training loop: batch -> loss -> backward with compressed exchange -> optimizer, with
// evaluation, metrics and checkpoints.
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
  bool resume = false;   // continue from the newest checkpoint in output.dir
  bool dry_run = false;  // print the resolved job and the plan, and return
  bool quiet = false;    // no progress bar and no table
  // Set on any rank: all stop after the same step and write a checkpoint.
  const std::atomic<bool>* stop_wanted = nullptr;
};

enum class TrainEnd { done, interrupted };

// Trains one rank; every rank of the world calls it with an equal job and equal data, which it
// checks before the first step. Ranks of one process may share the data set. Rank 0 prints and
// writes metrics; every rank writes its own checkpoint file. Throws JobError, Error or PeerLost;
// all ranks throw the same error where all can know it.
TrainEnd train(const Job& job, const Dataset& data, CommThread& thread,
               const TrainOptions& options);

}  // namespace terse
