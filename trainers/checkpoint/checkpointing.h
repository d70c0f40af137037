// Saves a training run to the checkpoints of output.dir and resumes it from there. Collective:
// every rank calls each function in the same step, and all throw alike.
#pragma once

#include <string>

#include "terse/comm/torch/gradient_reducer.h"
#include "terse/comm/transport/comm_thread.h"
#include "terse/config/job.h"
#include "terse/data/loader.h"
#include "terse/trainers/checkpoint/snapshot.h"

namespace terse {

// The parts of a run that a resume sets.
struct ResumedParts {
  TrainingState state;
  GradientReducer& reducer;
  Loader& loader;
};

// Sets all parts to the newest checkpoint. Throws JobError if there is none, or if it is of another
// job or world.
TrainingProgress resume_training(const Job& job, CommThread& thread, const ResumedParts& parts);

// Writes a checkpoint of the progress and deletes all but the newest output.keep.
void save_checkpoint(const Job& job, CommThread& thread, const TrainingState& state,
                     const TrainingProgress& progress, const std::string& version);

}  // namespace terse
