// Evaluation on the test split, sharded over ranks.
#pragma once

#include "terse/comm/transport/comm_thread.h"
#include "terse/data/dataset.h"
#include "terse/models/model.h"

namespace terse {

struct EvalResult {
  double accuracy = 0;  // 0 to 1
  double loss = 0;      // mean cross entropy, without label smoothing
};

// Collective: each rank evaluates its part of the test split. Sums are in rank order, so every rank
// returns the same result. BatchNorm uses the running statistics averaged over ranks. Leaves the
// model in training mode.
EvalResult evaluate(Model& model, const Dataset& data, CommThread& thread, bool normalize);

}  // namespace terse
