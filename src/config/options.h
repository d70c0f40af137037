// From a job file and a command line to a Job, and from a Job to its run record. The keys, what
// each accepts and what it means stand in one table (table.h), of which everything here is a
// reading.
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
// "--section.key=value"), which win. data.path must exist, seen from the current folder or, where
// the file gives it, else from the file's own folder, and becomes absolute; schedule.epochs is
// filled in. Throws JobError: one sentence with the place ("job.ini:12", "command line"), the key,
// what is allowed and, for an unknown name, the nearest known one.
Job parse_job(const std::filesystem::path& file, std::span<const std::string> overrides,
              const Defaults& defaults);

// The run record. For a job that parse_job gave, parse_job of "--key=value" for each entry gives an
// equal job.
Record resolved(const Job& job);

// The run record as a job file.
std::string to_ini(const Job& job);

// All keys by section, a line each: name, default, meaning and what is allowed.
std::string help_text(const Defaults& defaults = {});

// The first key whose values differ, with both: "train.seed: 1 against 2". For ranks that must run
// the same job.
std::optional<std::string> first_difference(const Record& a, const Record& b);

// What forbids that a run which was started as `before` goes on as `now`, one text per key:
// "optimizer.lr: 0.05 in the checkpoint, now 0.1". train.epochs, train.max_steps, output.*, link.*
// and world.timeout are free to differ.
std::vector<std::string> resume_conflicts(const Record& before, const Record& now);

// Defaults with which a resumed job must be parsed: a schedule.epochs that is not given keeps the
// value with which the run was started, so that a later train.epochs prolongs a run without
// changing the course of its learning rate.
Defaults resume_defaults(Defaults defaults, const Record& before);

}  // namespace terse
