// Runs to compare: the summary of a small job, and a way to change one setting of it.
#pragma once

#include <string>
#include <utility>

#include "terse/report/comparison.h"

namespace terse::test {

// A run of `codec` with a job record of a few keys, of which output.dir and train.seed differ
// between any two runs.
inline ComparedRun compared_run(const std::string& codec, double accuracy = 0.9, double bytes = 1e6,
                                double seconds = 0.1) {
  static int count = 0;
  const std::string number = std::to_string(++count);
  ComparedRun run{"runs/" + number, {}};
  run.summary.codec = codec;
  run.summary.test_accuracy = accuracy;
  run.summary.bytes_sent_per_step_per_rank = bytes;
  run.summary.seconds_per_step = seconds;
  run.summary.world = {4, "mpi"};
  run.summary.terse_version = "0.1.0";
  run.summary.data_fingerprint = "0123456789abcdef";
  run.summary.job = {{"data.path", "/data/" + number},
                     {"data.limit", "0"},
                     {"model.name", "convnet"},
                     {"train.epochs", "3"},
                     {"train.seed", number},
                     {"schedule.epochs", "3"},
                     {"compression.codec", codec},
                     {"compression.bits", "8"},
                     {"compression.feedback", "default"},
                     {"compression.warmup_epochs", "0"},
                     {"link.bandwidth", "unlimited"},
                     {"output.dir", "runs/" + number}};
  return run;
}

inline ComparedRun with(ComparedRun run, const std::string& key, const std::string& value) {
  for (auto& [name, text] : run.summary.job) {
    if (name == key) text = value;
  }
  return run;
}

inline ComparedRun with_level(ComparedRun run, const std::string& level) {
  run.summary.extra["level"] = level;
  return run;
}

// As an earlier version wrote it.
inline ComparedRun without_job(ComparedRun run) {
  run.summary.job.clear();
  run.summary.data_fingerprint.clear();
  return run;
}

}  // namespace terse::test
