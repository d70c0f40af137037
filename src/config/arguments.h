// The command line: the program's own switches, the job's keys and what is neither.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace terse {

// Where a setting that a command line gives comes from.
inline constexpr const char* kCommandLine = "command line";

// `--ranks N` or, without an argument, a flag: `--dry-run`.
struct Switch {
  std::string name;      // without dashes
  std::string argument;  // how help names it; empty: takes none
  std::string meaning;
};

struct Arguments {
  std::vector<std::string> positional;          // in order: "train", "job.ini"
  std::map<std::string, std::string> switches;  // by name; a flag maps to ""
  std::vector<std::string> overrides;           // the job's keys, in order: "--section.key=value"
};

// Reads `--name value`, `--name=value` and `--section.key value` in any order; after `--` all is
// positional. Names are never abbreviated. Throws JobError for an unknown name (with the nearest
// known one), a missing or needless value and a name that is given twice; values are not looked at.
Arguments parse_arguments(std::span<const std::string> arguments, std::span<const Switch> switches);

// The whole number from 1 that a switch gives. Throws JobError for any other word.
int count_of(const Arguments& arguments, const std::string& name, int otherwise);

// One line for each switch.
std::string help_text(std::span<const Switch> switches);

}  // namespace terse
