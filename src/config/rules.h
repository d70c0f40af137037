// What single keys cannot say: settings that nothing would read, and combinations that cannot work.
#pragma once

#include <map>
#include <string>

#include "terse/config/ini.h"
#include "terse/config/table.h"

namespace terse {

// What was set by file or command line, by key: for each key the setting that won.
using Given = std::map<std::string, Setting>;

// A setting that only another codec, optimizer, model or schedule reads is refused, unless it is
// worth its default. One exception makes comparisons easy: where the command line chooses the codec
// (optimizer, ...), what the file says for another is set back to its default, the text of
// `defaults`. Throws JobError.
void settle_unread(const OptionTable& table, const std::map<std::string, std::string>& defaults,
                   const Given& given);

// Throws JobError for a combination that cannot work, naming the place of one of its settings.
void check_combinations(const Job& job, const Given& given);

}  // namespace terse
