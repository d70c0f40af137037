// Determines the number and kind of ranks from --ranks and the launcher.
#pragma once

#include <optional>
#include <string>

#include "terse/launch/world/world.h"

namespace terse {

// `ranks` is the value of --ranks, if given. Throws JobError for an invalid number, and for --ranks
// under mpirun.
WorldOptions choose_world(const std::optional<std::string>& ranks);

}  // namespace terse
