// The program under test: a small job for it, mpirun before it, and what it leaves behind.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/cli/child.h"
#include "temp_folder.h"

namespace terse::test {

// "terse" and more words.
Words program(const Words& words);

// "terse train" with a small model that logs every step into `dir`, unless `more`, in the form
// --section.key=value, says otherwise.
Words small_job(const std::filesystem::path& dir, const Words& more = {});

// So many ranks of "terse train ..." under mpirun, with more of mpirun's options.
Words under_mpirun(int ranks, const Words& words, const Words& options = {});

// A link on which a step takes long enough that a test can do something to the run meanwhile. It
// changes nothing about the result.
inline const char* const kSlow = "--link.latency=10ms";
// More steps than any test waits for.
inline const char* const kLong = "--train.epochs=1000";

// The steps in metrics.jsonl's records of training, in the order of the file.
std::vector<std::int64_t> logged_steps(const std::filesystem::path& dir);
// The last of them, or 0.
std::int64_t last_step(const std::filesystem::path& dir);

// parameter_hash in summary.json.
std::string final_hash(const std::filesystem::path& dir);

// parameter_hash of the same job after `steps` steps on two ranks (threads) that nothing disturbs.
std::string undisturbed_hash(std::int64_t steps, const Words& more);

// A step to which to resume a run that stands at `step`: mostly the same one, which saves runs.
std::int64_t end_after(std::int64_t step);

class LaunchTest : public testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  TempFolder folder_;
};

// The ranks that an mpirun starts, each with its process id in a file, so that a test can do
// something to one of them. Whatever state they are in, they are gone when this is.
class Ranks {
 public:
  enum class Codes { mpirun_sees, recorded };

  Ranks(std::filesystem::path folder, int size, Codes codes);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  // mpirun and these words, under this watch. Where the codes are recorded, mpirun leaves the
  // others alone when one rank ends.
  Words words(const Words& of_program) const;
  void send(int rank, int signal) const;
  pid_t pid(int rank) const;
  // The exit code of a rank that has ended, where codes are recorded.
  std::optional<int> code(int rank) const;
  bool all_ended_but(int rank) const;

 private:
  std::optional<int> number_in(const std::string& name, int rank) const;

  std::filesystem::path folder_;
  int size_;
  Codes codes_;
};

}  // namespace terse::test
