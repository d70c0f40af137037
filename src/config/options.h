// Parses a job file and a command line into a Job, and writes a Job as its run record. One table
// (table.h) holds the keys, the values that each accepts and their meanings.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "terse/config/job.h"

namespace terse {

// Defaults that only the caller knows.
struct Defaults {
  std::string data_path;                  // data.path
  std::optional<double> schedule_epochs;  // schedule.epochs; absent: train.epochs
};

// Every key with its canonical text, in table order.
using Record = std::vector<std::pair<std::string, std::string>>;

// Reads `file` (empty: none) and then `overrides` ("--section.key", "value" or
// "--section.key=value"), which win. data.path must exist, relative to the current folder or, where
// the file sets it, else to the file's folder, and becomes absolute; schedule.epochs is filled in.
// Throws JobError: one sentence with the origin ("job.ini:12", "command line"), the key, what is
// allowed and, for an unknown name, the nearest known one.
Job parse_job(const std::filesystem::path& file, std::span<const std::string> overrides,
              const Defaults& defaults);

// The run record. For a job of parse_job(), parsing "--key=value" for each entry gives an equal
// job.
Record resolved(const Job& job);

// The run record as a job file.
std::string to_ini(const Job& job);

// All keys by section: name, default, meaning and allowed values.
std::string help_text(const Defaults& defaults = {});

// The first key whose values differ, with both: "train.seed=1 against train.seed=2". For ranks that
// must run the same job.
std::optional<std::string> first_difference(const Record& a, const Record& b);

// The keys that keep a run started as `before` from resuming as `now`, one text each:
// "optimizer.lr: 0.05 in the checkpoint, now 0.1". train.epochs, train.max_steps, output.*, link.*
// and world.timeout may differ.
std::vector<std::string> resume_conflicts(const Record& before, const Record& now);

// Defaults for parsing a resumed job: schedule.epochs, where not set, keeps the value of the start,
// so that a larger train.epochs prolongs a run without changing its learning rates.
Defaults resume_defaults(Defaults defaults, const Record& before);

}  // namespace terse
