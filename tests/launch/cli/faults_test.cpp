// Ranks that die, stop, fail alone or were started differently, under a real mpirun.
#include <sys/resource.h>

#include <csignal>
#include <iostream>
#include <random>

#include "launch/cli/program.h"
#include "terse/base/file.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

constexpr int kRanks = 3;

class Faults : public LaunchTest {
 protected:
  Faults() {
    const unsigned seed = std::random_device()();
    std::cout << "seed " << seed << "\n";
    random_.seed(seed);
    victim_ = static_cast<int>(random_() % kRanks);
    step_ = 1 + static_cast<std::int64_t>(random_() % 40);
  }

  CommandLine job() const {
    return small_job(path("run"), {"--world.timeout=2s", "--link.latency=5ms", kLong,
                                   "--compression.codec=fp16"});
  }

  // Waits for the step and sends the signal to the victim.
  void harm(const Ranks& ranks, Child& training, int signal) const {
    ASSERT_TRUE(training.until([&] { return last_step(path("run")) >= step_; },
                               fmt::format("step {}", step_)));
    ranks.send(victim_, signal);
  }

  // The other ranks' words about a killed and about a stopped victim.
  static const char* fate(int signal) {
    return signal == SIGKILL ? "has died: " : "has been silent for ";
  }

  // Expects that every rank but the victim reports its fate.
  void expect_said(const std::string& err, const char* fate) const {
    for (int rank = 0; rank < kRanks; ++rank) {
      const int said = count(err, fmt::format("terse: rank {}: rank {} {}", rank, victim_, fate));
      EXPECT_EQ(said, rank == victim_ ? 0 : 1) << "rank " << rank << " of " << err;
    }
  }

  // Under an mpirun that does not end the other ranks.
  void lose(int signal) const {
    SCOPED_TRACE(fmt::format("rank {} at step {}", victim_, step_));
    const Ranks ranks(path("ranks"), kRanks, Ranks::Codes::recorded);
    Child training(ranks.command_line(job()));
    ASSERT_NO_FATAL_FAILURE(harm(ranks, training, signal));
    ASSERT_TRUE(training.until([&] { return ranks.all_ended_but(victim_); }, "the others' end"));
    for (int rank = 0; rank < kRanks; ++rank) {
      if (rank == victim_) continue;
      EXPECT_EQ(ranks.code(rank), 3) << "rank " << rank;
    }
    if (signal == SIGSTOP) {
      EXPECT_EQ(ranks.code(victim_), std::nullopt);
      ranks.send(victim_, SIGKILL);
    }
    training.wait();
    EXPECT_EQ(ranks.code(victim_), 128 + SIGKILL);
    expect_said(training.err(), fate(signal));
  }

  // Under a plain mpirun, which ends the job itself.
  void lose_plainly(int signal) const {
    SCOPED_TRACE(fmt::format("rank {} at step {}", victim_, step_));
    const Ranks ranks(path("ranks"), kRanks, Ranks::Codes::mpirun_sees);
    Child training(ranks.command_line(job()));
    ASSERT_NO_FATAL_FAILURE(harm(ranks, training, signal));
    EXPECT_NE(training.wait(), 0);
    EXPECT_GE(count(training.err(), fmt::format("rank {} {}", victim_, fate(signal))), 1)
        << training.err();
    EXPECT_FALSE(fs::exists(path("run") / "summary.json"));
  }

  std::mt19937 random_;
  int victim_ = 0;
  std::int64_t step_ = 0;
};

TEST_F(Faults, AKilledRankIsNamedByEveryOtherAndTheyLeaveWith3) { lose(SIGKILL); }
TEST_F(Faults, AStoppedRankIsNamedByEveryOtherAndTheyLeaveWith3) { lose(SIGSTOP); }
TEST_F(Faults, PlainMpirunEndsWithTheSentenceWhenARankIsKilled) { lose_plainly(SIGKILL); }
TEST_F(Faults, PlainMpirunEndsWithTheSentenceWhenARankIsStopped) { lose_plainly(SIGSTOP); }

TEST_F(Faults, ARankThatFailsAloneLeavesWithItsOwnCodeAndTheOthersSayWhichOneItWas) {
  const Ranks ranks(path("ranks"), kRanks, Ranks::Codes::recorded);
  Child training(ranks.command_line(job()));
  ASSERT_TRUE(training.until([&] { return last_step(path("run")) >= step_; }, "the first steps"));
  // Rank 0, which alone writes metrics, runs into a full disk.
  const rlimit full = {1024, 1024};
  ASSERT_EQ(::prlimit(ranks.pid(0), RLIMIT_FSIZE, &full, nullptr), 0);
  training.wait();
  EXPECT_EQ(ranks.code(0), 1);
  EXPECT_EQ(count(training.err(), "terse: rank 0: cannot "), 1) << training.err();
  for (int rank = 1; rank < kRanks; ++rank) {
    EXPECT_EQ(ranks.code(rank), 3) << "rank " << rank;
    EXPECT_EQ(
        count(training.err(), fmt::format("terse: rank {}: rank 0 stopped the run: cannot ", rank)),
        1)
        << training.err();
  }
}

// Two ranks with different command lines, chosen by a shell, because prterun of Open MPI 5.0.7
// crashes on two commands with a colon between them.
CompletedProcess run_two(const CommandLine& first, const CommandLine& second) {
  const char* choose =
      R"(if ((OMPI_COMM_WORLD_RANK == 0)); then exec "${@:1:$0}"; else exec "${@:$0+1}"; fi)";
  return run(under_mpirun(
      2, CommandLine{"bash", "-c", choose, std::to_string(first.size())} + first + second));
}

void expect_refused(const CompletedProcess& ended, const std::string& difference) {
  EXPECT_EQ(ended.code, 2);
  const std::string sentence =
      "terse: rank 1 was started with another job than rank 0: " + difference;
  EXPECT_EQ(count(ended.err, sentence), 1) << sentence << " in: " << ended.err;
  EXPECT_EQ(count(ended.out, "step 1/"), 0) << ended.out;
}

TEST_F(Faults, RanksWithDifferentJobsAreRefusedBeforeTheFirstStep) {
  const fs::path dir = path("run");
  expect_refused(run_two(small_job(dir), small_job(dir, {"--train.seed=2"})),
                 "train.seed=2 against train.seed=1.");
  expect_refused(run_two(small_job(dir), small_job(dir, {"--compression.codec=topk",
                                                         "--compression.density=0.01"})),
                 "compression.codec=topk against compression.codec=none.");
  EXPECT_FALSE(fs::exists(dir));
}

TEST_F(Faults, RanksWithDifferentDataAreRefusedBeforeTheFirstStep) {
  for (const char* name : {"a", "b"}) {
    fs::create_directories(path(name));
    for (const char* split : {"train", "t10k"}) {
      // Two images of 8 x 8 pixels, whose color is the name.
      const std::string head("\0\0\x08\x03\0\0\0\x02\0\0\0\x08\0\0\0\x08", 16);
      write(fmt::format("{}/{}-images-idx3-ubyte", name, split), head + std::string(128, *name));
      write(fmt::format("{}/{}-labels-idx1-ubyte", name, split),
            std::string("\0\0\x08\x01\0\0\0\x02\0\x01", 10));
    }
  }
  const auto job = [&](const char* name) {
    return small_job(path("run"), {"--data.kind=idx", "--data.path=" + path(name).string()});
  };
  expect_refused(run_two(job("a"), job("b")), "data (fingerprint)=");
  EXPECT_FALSE(fs::exists(path("run")));
}

}  // namespace
}  // namespace terse::test
