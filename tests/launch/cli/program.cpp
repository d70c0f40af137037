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

// Of a shell that is rank $OMPI_COMM_WORLD_RANK: the program is $0 "$@". In the first it is a child
// whose end the shell outlives, in the second it takes the shell's place.
constexpr const char* kRecording =
    R"("$0" "$@" & echo $! > {0}/pid.$OMPI_COMM_WORLD_RANK; wait $!; code=$?
echo $code > {0}/code.$OMPI_COMM_WORLD_RANK; exit $code)";
constexpr const char* kPlain = R"(echo $$ > {0}/pid.$OMPI_COMM_WORLD_RANK; exec "$0" "$@")";

}  // namespace

Words program(const Words& words) { return Words{TERSE_PROGRAM} + words; }

Words small_job(const fs::path& dir, const Words& more) {
  Words words = program({"train", "--output.dir=" + dir.string()});
  const Words defaults = {"--model.name=mlp", "--model.hidden=32", "--output.log_every=1",
                          "--output.eval_every=0"};
  for (const std::string& word : defaults) {
    const std::string key = word.substr(0, word.find('=') + 1);
    const bool given = std::any_of(more.begin(), more.end(),
                                   [&](const std::string& one) { return one.starts_with(key); });
    if (!given) words.push_back(word);
  }
  return words + more;
}

Words under_mpirun(int ranks, const Words& words, const Words& options) {
  return Words{TERSE_MPIRUN, "--oversubscribe", "--allow-run-as-root", "--bind-to", "none"} +
         options + Words{"-np", std::to_string(ranks)} + words;
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

std::string undisturbed_hash(std::int64_t steps, const Words& more) {
  static std::map<std::pair<std::int64_t, Words>, std::string> known;
  std::string& hash = known[{steps, more}];
  if (!hash.empty()) return hash;
  const TempFolder folder;
  const Ended ended = run(small_job(folder.path(), more) +
                          Words{"--ranks=2", fmt::format("--train.max_steps={}", steps)});
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
    // The number may be another process's by now.
    std::error_code code;
    const fs::path file = fs::read_symlink(fmt::format("/proc/{}/exe", pid.value_or(0)), code);
    if (pid && !code && file == fs::canonical(TERSE_PROGRAM, code)) ::kill(*pid, SIGKILL);
  }
}

Words Ranks::words(const Words& of_program) const {
  const bool recorded = codes_ == Codes::recorded;
  const std::string shell =
      fmt::format(fmt::runtime(recorded ? kRecording : kPlain), folder_.string());
  return under_mpirun(size_, Words{"sh", "-c", shell} + of_program,
                      recorded ? Words{"--enable-recovery"} : Words{});
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
  // A line that is not yet whole is none.
  if (file >> number && file.get() == '\n') return number;
  return std::nullopt;
}

}  // namespace terse::test
