// Describes the compression plan for --dry-run and in warnings.
#pragma once

#include <string>

#include "terse/comm/torch/gradient_reducer.h"
#include "terse/config/job.h"

namespace terse {

// The resolved job, a table of the layers with the codec and level of each, the bytes per step
// against dense, and the memory of one rank.
std::string describe_plan(const Job& job, GradientReducer& reducer, int world);

// The level of the compressed layers ("4 bits", "density 0.001"); empty if there is none.
std::string level_text(const Plan& plan);

// A warning if the plan may send more than dense gradients; otherwise empty.
std::string warn_if_no_gain(const GradientReducer& reducer);

}  // namespace terse
