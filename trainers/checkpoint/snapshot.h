// The state of a training run on one rank as the bytes of a checkpoint file. Each part lists what
// it saves through its visitor.
#pragma once

#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "terse/comm/reducer/reducer.h"
#include "terse/trainers/optimizer/optimizer.h"

namespace terse {

// How far a run is, between two steps.
struct TrainingProgress {
  std::int64_t step = 0;            // steps done
  std::int64_t epoch = 0;           // of the next step
  std::int64_t step_in_epoch = 0;   // of the next step
  std::int64_t skipped = 0;         // steps that were skipped
  double seconds = 0;               // of training, as of the last checkpoint
  std::vector<double> epoch_bytes;  // sent in each step of the epoch so far, for the summary
};

// What a checkpoint holds besides the progress.
struct TrainingState {
  torch::nn::Module& model;
  Optimizer& optimizer;
  CompressorState& compressor;
};

std::vector<std::byte> save_snapshot(const TrainingState& state, const TrainingProgress& progress);

// Throws Error naming what is missing or has another size; the state may then be partly
// overwritten.
TrainingProgress load_snapshot(const TrainingState& state, std::vector<std::byte> bytes);

}  // namespace terse
