// Runs the program under test, also under mpirun, and reads its results.
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

// "terse" and these arguments.
CommandLine program(const CommandLine& words);

// "terse train" with a small model and output.dir = `dir`, logging every step. `more`, in the form
// --section.key=value, overrides these settings.
CommandLine small_job(const std::filesystem::path& dir, const CommandLine& more = {});

// `ranks` ranks of the command under mpirun, with these additional options of mpirun.
CommandLine under_mpirun(int ranks, const CommandLine& words, const CommandLine& options = {});

// A link on which a step takes long enough for a test to disturb the run. It does not change the
// result.
inline const char* const kSlow = "--link.latency=10ms";
// A run that is longer than any test.
inline const char* const kLong = "--train.epochs=1000";

// The steps of the training records in metrics.jsonl, in the order of the file.
std::vector<std::int64_t> logged_steps(const std::filesystem::path& dir);
// The last of these steps, or 0.
std::int64_t last_step(const std::filesystem::path& dir);

// parameter_hash in summary.json.
std::string final_hash(const std::filesystem::path& dir);

// The parameter_hash of the same job after `steps` undisturbed steps on two ranks (threads).
std::string undisturbed_hash(std::int64_t steps, const CommandLine& more);

// The last step of a run that is resumed at `step`. Rounds up, so that tests can share the result
// of undisturbed_hash().
std::int64_t end_after(std::int64_t step);

class LaunchTest : public testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  TempFolder folder_;
};

// The ranks of an mpirun. Each writes its process id to a file, so that a test can send it a
// signal. The destructor kills the remaining ones.
class Ranks {
 public:
  enum class Codes { mpirun_sees, recorded };

  Ranks(std::filesystem::path folder, int size, Codes codes);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  // mpirun with this command. With Codes::recorded, mpirun does not end the others when a rank
  // ends.
  CommandLine command_line(const CommandLine& of_program) const;
  void send(int rank, int signal) const;
  pid_t pid(int rank) const;
  // The exit code of a rank that has ended, with Codes::recorded.
  std::optional<int> code(int rank) const;
  bool all_ended_but(int rank) const;

 private:
  std::optional<int> number_in(const std::string& name, int rank) const;

  std::filesystem::path folder_;
  int size_;
  Codes codes_;
};

}  // namespace terse::test
