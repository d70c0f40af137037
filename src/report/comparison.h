// Runs side by side: which of them repeat one job, and in which settings the others differ.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "terse/report/summary.h"

namespace terse {

// A summary and the folder that it was read from, as the user named it.
struct ComparedRun {
  std::string folder;
  Summary summary;
};

// Reads the summaries of these folders. Throws Error where one cannot be read, JobError where two
// name the same run.
std::vector<ComparedRun> read_runs(std::span<const std::string> folders);

// Runs that differ in their seed and their output alone.
struct RunGroup {
  Summary mean;  // every number is the mean over the runs; the texts are the first run's
  int runs = 0;
  double lowest_accuracy = 0, highest_accuracy = 0;
  std::string codec;  // the codec and its level: "maxmin, 4 bits"
  // The settings that all runs of the group share, by name: the job's keys, "data (fingerprint)",
  // "ranks" and "terse version".
  std::map<std::string, std::string> settings;
};

struct Comparison {
  std::vector<RunGroup> groups;  // in order of first appearance
  // The names of the settings to be shown beside the codec, because groups differ in them.
  std::vector<std::string> differing;
};

// Groups runs by job record without train.seed and output.*, by the data's fingerprint instead of
// data.path, by ranks and by version. Ranks as threads and under MPI are separate: they compute the
// same bits, but their times differ. A summary of an earlier version, without a job record, cannot
// be told from a run of another job: it is a group of its own, and its setting "run" is its folder.
Comparison compare_runs(std::span<const ComparedRun> runs);

// The setting's value; "-" if the group has none of that name.
std::string setting_text(const RunGroup& group, const std::string& name);

// The group's codec and its values of the differing settings: "dgc, density 0.001, ranks 4 (mpi)".
std::string group_label(const RunGroup& group, const Comparison& comparison);

// The first dense group (codec `none`) that differs from this one in compression.* alone; null if
// there is none.
const RunGroup* dense_group(const RunGroup& group, const Comparison& comparison);

}  // namespace terse
