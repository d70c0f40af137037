// Checks across keys: settings that nothing reads, and combinations that cannot work.
#pragma once

#include <map>
#include <string>

#include "terse/config/table.h"
#include "terse/config/text/ini.h"

namespace terse {

// The settings of job file and command line by key; for each key the one that won.
using ExplicitSettings = std::map<std::string, Setting>;

// Refuses a setting that only another codec, optimizer, model or schedule reads, unless its value
// is the default. One exception makes comparisons easy: where the command line chooses the codec
// (optimizer, ...), keys that the file sets for another one are reset to their defaults, the texts
// of `defaults`. Throws JobError.
void reset_unread(const OptionTable& table, const std::map<std::string, std::string>& defaults,
                  const ExplicitSettings& settings);

// Throws JobError for a combination that cannot work, with the origin of one of its settings.
void check_combinations(const Job& job, const ExplicitSettings& settings);

}  // namespace terse
