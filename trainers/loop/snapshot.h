// A training run's state on one rank, to a checkpoint and back. What a part keeps goes through its
// visitor; nothing else knows how to save a part.
#pragma once

#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "terse/comm/reducer/reducer.h"
#include "terse/trainers/optimizer/optimizer.h"

namespace terse {

// Where a run stands between two steps.
struct Position {
  std::int64_t step = 0;            // steps done
  std::int64_t epoch = 0;           // of the next step
  std::int64_t step_in_epoch = 0;   // of the next step
  std::int64_t skipped = 0;         // steps that were skipped
  double seconds = 0;               // trained so far
  std::vector<double> epoch_bytes;  // sent in each step of the epoch so far, for the summary
};

struct Parts {
  torch::nn::Module& model;
  Optimizer& optimizer;
  CompressorState& state;
};

std::vector<std::byte> save_snapshot(const Parts& parts, const Position& position);

// Throws Error naming what is missing or of another size; the parts may then be partly overwritten.
Position load_snapshot(const Parts& parts, std::vector<std::byte> bytes);

}  // namespace terse
