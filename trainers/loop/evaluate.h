// Evaluation, sharded over ranks.
#pragma once

#include "terse/comm/transport/comm_thread.h"
#include "terse/data/dataset.h"
#include "terse/models/model.h"

namespace terse {

struct Score {
  double accuracy = 0;  // share of test samples, 0..1
  double loss = 0;      // mean cross entropy, without label smoothing
};

// The whole test split, each rank its slice; sums in rank order, so every rank returns the same.
// BatchNorm uses the statistics averaged over ranks. Leaves the model in training mode.
Score evaluate(Model& model, const Dataset& data, CommThread& thread, bool normalize);

}  // namespace terse
