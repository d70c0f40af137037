// What single keys cannot say: settings that nothing would read, and combinations that cannot work.
#pragma once

#include <map>
#include <string>

#include "terse/config/table.h"
#include "terse/config/text/ini.h"

namespace terse {

// What was set by file or command line, by key: for each key the setting that won.
using ExplicitSettings = std::map<std::string, Setting>;

// A setting that only another codec, optimizer, model or schedule reads is refused, unless it is
// worth its default. One exception makes comparisons easy: where the command line chooses the codec
// (optimizer, ...), what the file says for another is set back to its default, the text of
// `defaults`. Throws JobError.
void reset_unread(const OptionTable& table, const std::map<std::string, std::string>& defaults,
                  const ExplicitSettings& given);

// Throws JobError for a combination that cannot work, naming the place of one of its settings.
void check_combinations(const Job& job, const ExplicitSettings& given);

}  // namespace terse
