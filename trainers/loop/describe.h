// The plan in words: what --dry-run prints.
#pragma once

#include <string>

#include "terse/comm/torch/gradient_reducer.h"
#include "terse/config/job.h"

namespace terse {

// The resolved job, a table of layers with how each travels, bytes a step against dense, and the
// memory of one rank.
std::string describe(const Job& job, GradientReducer& reducer, int world);

// The level of what is compressed ("4 bits", "density 0.001"); empty where nothing has one.
std::string level_text(const Plan& plan);

// A sentence when the plan sends more than dense would, which is then the better choice; else
// empty.
std::string warn_if_no_gain(const GradientReducer& reducer);

}  // namespace terse
