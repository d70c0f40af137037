// What a run came to, in numbers: summary.json in its output folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace terse {

struct Summary {
  struct World {
    int size = 1;
    std::string kind = "threads";  // or "mpi"
    bool operator==(const World&) const = default;
  };

  // A number that is not finite (no test data, say) is null in the file and NaN when read back.
  double test_accuracy = 0;  // a share, 0 to 1
  double test_loss = 0;
  std::int64_t steps = 0;
  double seconds = 0;
  double seconds_per_step = 0;               // median
  double bytes_sent_per_step_per_rank = 0;   // median over the last epoch's steps, mean over ranks
  double dense_bytes_per_step_per_rank = 0;  // what the codec `none` would send
  std::optional<double> compression_ratio;   // their quotient; none for one rank
  std::string parameter_hash;                // 16 hex digits
  World world;
  std::string codec;
  std::string terse_version;
  // Further fields, at the top of the file after the ones above.
  std::map<std::string, std::variant<double, std::string>> extra;
};

// How a run is called among others: its codec and, where there is an extra field of that name, its
// "level" ("maxmin, 4 bits").
std::string label(const Summary& summary);

// Runs of one label as one, in order of first appearance: every number is the mean. Extra fields
// "runs", "accuracy_low" and "accuracy_high" say over how many, and how far they lie apart.
std::vector<Summary> average(std::span<const Summary> runs);

// Writes <dir>/summary.json, beside and renamed. Throws Error naming the file and the reason.
void write_summary(const std::filesystem::path& dir, const Summary& summary);

// `path` is a summary.json, or the folder that holds one. Throws Error naming the file and what is
// missing or wrong in it.
Summary read_summary(const std::filesystem::path& path);

}  // namespace terse
