// Output folders that cannot be written, full disks and crashes: existing results stay intact.
#include <csignal>
#include <fstream>

#include "launch/cli/program.h"
#include "terse/base/file.h"
#include "terse/io/checkpoint.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;
using Disk = LaunchTest;

const CommandLine kTopK = {"--compression.codec=topk", "--compression.density=0.01"};
const CommandLine kTwoThreads = {"--ranks=2"};

CommandLine until_step(std::int64_t step) { return {fmt::format("--train.max_steps={}", step)}; }

std::vector<std::int64_t> one_to(std::int64_t last) {
  std::vector<std::int64_t> steps;
  for (std::int64_t step = 1; step <= last; ++step) steps.push_back(step);
  return steps;
}

TEST_F(Disk, AnOutputFolderThatCannotBeIsSaidBeforeTheFirstStep) {
  const fs::path file = write("file", "not a folder");
  for (const fs::path& dir : {file, file / "below", fs::path("/proc/terse-test")}) {
    const CompletedProcess ended = run(small_job(dir, kTwoThreads));
    EXPECT_EQ(ended.code, 1) << dir;
    EXPECT_EQ(ended.out, "") << dir;
    EXPECT_EQ(count(ended.err, "\n"), 1) << ended.err;
    EXPECT_EQ(count(ended.err, "terse: rank 0: cannot "), 1) << ended.err;
    EXPECT_EQ(count(ended.err, dir.string()), 1) << ended.err;
  }
  EXPECT_EQ(read_text(file), "not a folder");
}

TEST_F(Disk, AFullDiskLeavesTheLastCheckpointWholeAndTheRunGoesOnFromIt) {
  const fs::path dir = path("run");
  const CommandLine job = small_job(dir, kTopK + kTwoThreads + CommandLine{"--model.hidden=256"});
  ASSERT_EQ(run(job + until_step(10)).code, 0);
  // 2000 blocks of 512 bytes are enough for the metrics, but not for a rank's checkpoint.
  const CompletedProcess full = run(CommandLine{"sh", "-c", R"(ulimit -f 2000; exec "$0" "$@")"} +
                                    job + until_step(20) + CommandLine{"--resume"});
  EXPECT_EQ(full.code, 1);
  EXPECT_EQ(count(full.err, "terse: "), 1) << full.err;
  EXPECT_EQ(count(full.err, "cannot write "), 1) << full.err;
  EXPECT_EQ(count(full.err, "step-00000020"), 1) << full.err;
  EXPECT_EQ(logged_steps(dir).back(), 20) << "it was to get as far as the checkpoint";

  for (const auto& entry : fs::directory_iterator(checkpoint_folder(dir, 20)))
    ADD_FAILURE() << entry.path() << " is left of a checkpoint that failed";
  const std::vector<Manifest> whole = find_checkpoints(dir);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].step, 10);
  const CompletedProcess resumed = run(job + until_step(50) + CommandLine{"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(final_hash(dir), undisturbed_hash(50, kTopK + CommandLine{"--model.hidden=256"}));
  EXPECT_EQ(logged_steps(dir), one_to(50));
}

TEST_F(Disk, AfterACrashTheMetricsAreCutToTheCheckpointAndTheRunEndsAsIfNothingHadBeen) {
  const fs::path dir = path("run");
  const CommandLine job = small_job(dir, kTopK + kTwoThreads);
  {
    Child training(job + CommandLine{kSlow, kLong, "--output.checkpoint_every=10"});
    ASSERT_TRUE(training.until([&] { return last_step(dir) % 10 == 5 && last_step(dir) > 20; },
                               "a step between two checkpoints"));
    training.send(SIGKILL);
    EXPECT_EQ(training.wait(), 128 + SIGKILL);
  }
  const std::vector<Manifest> whole = find_checkpoints(dir);
  ASSERT_FALSE(whole.empty());
  const std::int64_t kept = whole[0].step, reached = last_step(dir);
  ASSERT_GT(reached, kept) << "nothing was to be cut";
  std::ofstream(dir / "metrics.jsonl", std::ios::app) << R"({"step": 77, "train_l)";
  std::ofstream(dir / "metrics.h5") << "torn";

  const std::int64_t end = end_after(reached);
  const CompletedProcess resumed = run(job + until_step(end) + CommandLine{"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(final_hash(dir), undisturbed_hash(end, kTopK));
  EXPECT_EQ(logged_steps(dir), one_to(end));
  const CompletedProcess dump =
      run({"h5dump", "-d", "/train_loss/step", (dir / "metrics.h5").string()});
  EXPECT_EQ(count(dump.out, fmt::format("SIMPLE {{ ( {} ) / ", end)), 1) << dump.out << dump.err;
}

TEST_F(Disk, AResumeThatCannotBeTheSameRunIsRefused) {
  const fs::path dir = path("run");
  const CommandLine job = small_job(dir, kTwoThreads + CommandLine{"--output.checkpoint_every=5"});
  ASSERT_EQ(run(job + until_step(10)).code, 0);
  const CommandLine resume = job + until_step(20) + CommandLine{"--resume"};

  const CompletedProcess other_key = run(resume + CommandLine{"--optimizer.lr=0.1"});
  EXPECT_EQ(other_key.code, 2);
  EXPECT_EQ(count(other_key.err, "optimizer.lr: 0.05 in the checkpoint, now 0.1"), 1)
      << other_key.err;
  const CompletedProcess other_world =
      run(small_job(dir, until_step(20) + CommandLine{"--resume", "--ranks=3"}));
  EXPECT_EQ(other_world.code, 2);
  EXPECT_EQ(count(other_world.err, "is of a world of 2 ranks, but this one has 3"), 1)
      << other_world.err;

  const fs::path rank_file = checkpoint_folder(dir, 10) / "rank-0001.h5";
  std::string bytes = read_text(rank_file);
  bytes[bytes.size() / 2] ^= 1;
  write_atomic(rank_file, bytes);
  const CompletedProcess damaged = run(resume);
  EXPECT_EQ(damaged.code, 1);
  EXPECT_EQ(count(damaged.err, rank_file.string() + " is damaged"), 1) << damaged.err;
  EXPECT_EQ(count(damaged.err, "before it is " + checkpoint_folder(dir, 5).string()), 1)
      << damaged.err;
}

}  // namespace
}  // namespace terse::test
