// How many ranks, and where they run: from --ranks and from the launcher.
#pragma once

#include <optional>
#include <string>

#include "terse/launch/world/world.h"

namespace terse {

// `ranks` is the text of --ranks, if it was given. Throws JobError for a bad number, and for
// --ranks under mpirun.
WorldOptions choose_world(const std::optional<std::string>& ranks);

}  // namespace terse
