// The command line: switches of a command, job keys and positional arguments.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace terse {

// The origin of a setting that the command line gives.
inline constexpr const char* kCommandLine = "command line";

// `--ranks N` or, without an argument, a flag: `--dry-run`.
struct Switch {
  std::string name;      // without dashes
  std::string argument;  // placeholder in help; empty: takes none
  std::string meaning;
};

struct Arguments {
  std::vector<std::string> positional;          // in order: "train", "job.ini"
  std::map<std::string, std::string> switches;  // by name; a flag maps to ""
  std::vector<std::string> overrides;           // job keys, in order: "--section.key=value"

  bool has(const std::string& name) const { return switches.contains(name); }
  // The value that was given to a switch; nothing if it was not given.
  std::optional<std::string> value(const std::string& name) const;
};

// Reads `--name value` and `--name=value` in any order; everything after `--` is positional. Names
// are never abbreviated. Throws JobError for an unknown name (with the nearest known one), a job
// key, a missing or unexpected value and a name that is given twice; does not check values.
Arguments parse_arguments(std::span<const std::string> arguments, std::span<const Switch> switches);

// The same for the one command that takes job keys: `--section.key value` goes to `overrides`.
Arguments parse_job_arguments(std::span<const std::string> arguments,
                              std::span<const Switch> switches);

// The value of a switch, a whole number from 1. Throws JobError for any other text.
int count_of(const Arguments& arguments, const std::string& name, int otherwise);

// One entry for each switch.
std::string help_text(std::span<const Switch> switches);

// An entry of help in lines of at most 100 columns: `usage`, then `text` in a column of its own.
std::string help_line(std::string_view usage, std::string_view text);

}  // namespace terse
