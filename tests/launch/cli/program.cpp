#include "launch/cli/program.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "terse/base/error.h"
#include "terse/report/summary.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

// Scripts for the shell of rank $OMPI_COMM_WORLD_RANK, with the program as $0 "$@". The first runs
// it as a child, records its exit code and never fails itself: Open MPI 5 ends the other ranks when
// a second one does, --enable-recovery or not. The second execs the program.
constexpr const char* kRecording =
    R"("$0" "$@" & echo $! > {0}/pid.$OMPI_COMM_WORLD_RANK; wait $!; code=$?
echo $code > {0}/code.$OMPI_COMM_WORLD_RANK)";
constexpr const char* kPlain = R"(echo $$ > {0}/pid.$OMPI_COMM_WORLD_RANK; exec "$0" "$@")";

}  // namespace

CommandLine program(const CommandLine& words) { return CommandLine{TERSE_PROGRAM} + words; }

CommandLine small_job(const fs::path& dir, const CommandLine& more) {
  CommandLine words = program({"train", "--output.dir=" + dir.string()});
  const CommandLine defaults = {"--model.name=mlp", "--model.hidden=32", "--output.log_every=1",
                                "--output.eval_every=0"};
  for (const std::string& word : defaults) {
    const std::string key = word.substr(0, word.find('=') + 1);
    const bool given = std::any_of(more.begin(), more.end(),
                                   [&](const std::string& one) { return one.starts_with(key); });
    if (!given) words.push_back(word);
  }
  return words + more;
}

CommandLine under_mpirun(int ranks, const CommandLine& words, const CommandLine& options) {
  return CommandLine{TERSE_MPIRUN, "--oversubscribe", "--allow-run-as-root", "--bind-to", "none"} +
         options + CommandLine{"-np", std::to_string(ranks)} + words;
}

std::vector<std::int64_t> logged_steps(const fs::path& dir) {
  std::ifstream file(dir / "metrics.jsonl");
  std::vector<std::int64_t> steps;
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const auto record = nlohmann::json::parse(line);
    if (record.contains("train_loss")) steps.push_back(record.at("step").get<std::int64_t>());
  }
  return steps;
}

std::int64_t last_step(const fs::path& dir) {
  const std::vector<std::int64_t> steps = logged_steps(dir);
  return steps.empty() ? 0 : steps.back();
}

std::string final_hash(const fs::path& dir) { return read_summary(dir).parameter_hash; }

std::string undisturbed_hash(std::int64_t steps, const CommandLine& more) {
  static std::map<std::pair<std::int64_t, CommandLine>, std::string> known;
  std::string& hash = known[{steps, more}];
  if (!hash.empty()) return hash;
  const TempFolder folder;
  const CompletedProcess ended =
      run(small_job(folder.path(), more) +
          CommandLine{"--ranks=2", fmt::format("--train.max_steps={}", steps)});
  EXPECT_EQ(ended.code, 0) << ended.err;
  return hash = final_hash(folder.path());
}

std::int64_t end_after(std::int64_t step) {
  constexpr std::int64_t kEvery = 50, kLeast = 5;
  return (step + kLeast + kEvery - 1) / kEvery * kEvery;
}

fs::path LaunchTest::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::binary) << text;
  return path(name);
}

Ranks::Ranks(fs::path folder, int size, Codes codes)
    : folder_(std::move(folder)), size_(size), codes_(codes) {
  fs::create_directories(folder_);
}

Ranks::~Ranks() {
  for (int rank = 0; rank < size_; ++rank) {
    const std::optional<int> pid = number_in("pid", rank);
    // By now the process id may belong to another program.
    std::error_code code;
    const fs::path file = fs::read_symlink(fmt::format("/proc/{}/exe", pid.value_or(0)), code);
    if (pid && !code && file == fs::canonical(TERSE_PROGRAM, code)) ::kill(*pid, SIGKILL);
  }
}

CommandLine Ranks::command_line(const CommandLine& of_program) const {
  const bool recorded = codes_ == Codes::recorded;
  const std::string shell =
      fmt::format(fmt::runtime(recorded ? kRecording : kPlain), folder_.string());
  return under_mpirun(size_, CommandLine{"sh", "-c", shell} + of_program,
                      recorded ? CommandLine{"--enable-recovery"} : CommandLine{});
}

void Ranks::send(int rank, int signal) const {
  ASSERT_EQ(::kill(pid(rank), signal), 0) << "rank " << rank << ", signal " << signal;
}

pid_t Ranks::pid(int rank) const {
  const std::optional<int> pid = number_in("pid", rank);
  if (!pid) throw Error(fmt::format("rank {} has not started", rank));
  return *pid;
}

std::optional<int> Ranks::code(int rank) const { return number_in("code", rank); }

bool Ranks::all_ended_but(int rank) const {
  for (int other = 0; other < size_; ++other) {
    if (other != rank && !code(other)) return false;
  }
  return true;
}

std::optional<int> Ranks::number_in(const std::string& name, int rank) const {
  std::ifstream file(folder_ / fmt::format("{}.{}", name, rank));
  int number = 0;
  // Ignores a line that is not yet complete.
  if (file >> number && file.get() == '\n') return number;
  return std::nullopt;
}

}  // namespace terse::test
