// The results of a run: summary.json in its output folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "terse/report/job_record.h"

namespace terse {

struct Summary {
  struct World {
    int size = 1;
    std::string kind = "threads";  // or "mpi"
    bool operator==(const World&) const = default;
  };

  // A number that is not finite (no test data, say) is null in the file and NaN when read back.
  double test_accuracy = 0;  // 0 to 1
  double test_loss = 0;
  std::int64_t steps = 0;
  double seconds = 0;
  double seconds_per_step = 0;               // median
  double bytes_sent_per_step_per_rank = 0;   // median over the last epoch's steps, mean over ranks
  double dense_bytes_per_step_per_rank = 0;  // what the codec `none` would send
  std::optional<double> compression_ratio;   // dense bytes / sent bytes; none for one rank
  std::string parameter_hash;                // 16 hex digits
  World world;
  std::string codec;
  std::string terse_version;
  // Absent (empty) in the files of earlier versions.
  JobRecord job = {};
  std::string data_fingerprint = {};  // 16 hex digits
  // Further fields, at the top level of the file after the ones above.
  std::map<std::string, std::variant<double, std::string>> extra = {};
};

// Writes <dir>/summary.json atomically. Throws Error naming the file and the reason.
void write_summary(const std::filesystem::path& dir, const Summary& summary);

// The summary.json that `path` names: itself, or the one in this folder.
std::filesystem::path summary_path(const std::filesystem::path& path);

// `path` is a summary.json, or the folder that holds one. Throws Error naming the file and what is
// missing or wrong in it.
Summary read_summary(const std::filesystem::path& path);

}  // namespace terse
