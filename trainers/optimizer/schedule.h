// The learning rate as a function of the step.
#pragma once

#include <cstdint>

#include "terse/config/job.h"

namespace terse {

// The rate of step `step` (from 0). Warm-up rises linearly over schedule.warmup_epochs and reaches
// optimizer.lr at its last step; `cosine` then falls over the rest of schedule.epochs to
// schedule.min_lr and stays there; `step` multiplies by schedule.gamma at each milestone (epochs).
double learning_rate(const Job& job, std::int64_t step, std::int64_t steps_per_epoch);

}  // namespace terse
