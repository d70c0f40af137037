// Errors before the first step: ranks with different jobs or data, and checkpoints of another job
// or damaged ones.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "terse/base/file.h"
#include "trainers/training.h"

namespace terse::test {
namespace {

void expect_all_refuse(const std::vector<Ending>& endings, bool wrong_job,
                       const std::vector<std::string>& words) {
  for (const Ending& ending : endings) {
    EXPECT_TRUE(ending.on_all_ranks) << ending.sentence;
    EXPECT_EQ(ending.wrong_job, wrong_job) << ending.sentence;
    expect_words(ending.sentence, words);
    EXPECT_EQ(ending.sentence, endings[0].sentence);
  }
}

struct Change {
  const char* key;
  std::function<void(Job&)> make;
  const char *before, *after;
};

const std::vector<Change>& changes() {
  static const std::vector<Change> all = {
      {"data.augment", [](Job& job) { job.data.augment = "crop_flip"; }, "none", "crop_flip"},
      {"model.hidden", [](Job& job) { job.model.hidden = {48}; }, "48,32", "48"},
      {"train.batch", [](Job& job) { job.train.batch = 7; }, "6", "7"},
      {"train.seed", [](Job& job) { job.train.seed = 11; }, "1", "11"},
      {"train.clip_norm", [](Job& job) { job.train.clip_norm = 5; }, "0", "5"},
      {"optimizer.lr", [](Job& job) { job.optimizer.lr = 0.06; }, "0.05", "0.06"},
      {"schedule.epochs", [](Job& job) { job.schedule.epochs = 5; }, "2", "5"},
      {"compression.codec", [](Job& job) { job.compression.codec.name = "topk"; }, "none", "topk"},
      {"world.check_every", [](Job& job) { job.world.check_every = 5; }, "0", "5"},
  };
  return all;
}

TEST(Ranks, WithDifferentJobsAreRefusedNamingTheFirstKey) {
  const TempFolder folder;
  for (const Change& change : changes()) {
    const auto endings = endings_of(3, [&](CommThread& thread) {
      Job job = small_job(folder.path() / "run");
      if (thread.rank() == 2) {
        change.make(job);
        job.output.keep = 9;  // a later key
      }
      train(job, images(), thread, quiet());
    });
    expect_all_refuse(endings, true,
                      {"rank 2", std::string(change.key) + "=" + change.after + " against ",
                       std::string(change.key) + "=" + change.before + "."});
  }
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(Ranks, WithDifferentDataAreRefused) {
  const TempFolder folder;
  Dataset other = images();
  other.train.pixels[100] ^= 1;
  other.fingerprint = hash64(std::as_bytes(std::span(std::as_const(other.train.pixels))));
  const auto endings = endings_of(2, [&](CommThread& thread) {
    train(small_job(folder.path() / "run"), thread.rank() == 1 ? other : images(), thread, quiet());
  });
  expect_all_refuse(endings, true, {"rank 1", "data (fingerprint)"});
}

TEST(Ranks, MayReadTheirDataFromDifferentPlaces) {
  const TempFolder folder;
  run_threads(2, [&](CommThread& thread) {
    Job job = small_job(folder.path() / "run");
    job.train.max_steps = 1;
    job.data.path = fmt::format("/disk-{}/data.h5", thread.rank());
    EXPECT_EQ(train(job, images(), thread, quiet()), TrainEnd::done);
  });
}

TEST(Ranks, AnOutputThatCannotBeWrittenIsSaidByAllBeforeTheFirstStep) {
  const TempFolder folder;
  std::ofstream(folder.path() / "file") << "no folder";
  const Job job = small_job(folder.path() / "file" / "run");
  expect_all_refuse(endings_of_training(job, 3), false, {"rank 0", "file"});
}

// A run of 6 steps with checkpoints of steps 2, 4 and 6.
class Resumed : public testing::Test {
 protected:
  Resumed() : job_(small_job(folder_.path() / "run")) {
    job_.train.max_steps = 6;
    job_.output.checkpoint_every = 2;
    trained(job_, 2);
    job_.train.max_steps = 0;
  }
  fs::path checkpoint(std::int64_t step) const { return checkpoint_folder(job_.output.dir, step); }

  TempFolder folder_;
  Job job_;
};

TEST_F(Resumed, WithAnotherJobIsRefusedByTheKeysName) {
  for (const Change& change : changes()) {
    Job other = job_;
    change.make(other);
    expect_all_refuse(endings_of_training(other, 2, quiet(true)), true,
                      {"--resume", fmt::format("{}: {} in the checkpoint, now {}", change.key,
                                               change.before, change.after)});
  }
  Job other = job_;
  other.train.batch = 7;
  other.optimizer.momentum = 0.5;
  expect_all_refuse(endings_of_training(other, 2, quiet(true)), true,
                    {"train.batch: 6", "optimizer.momentum: 0.9"});
}

TEST_F(Resumed, WithWhatMayDifferGoesOn) {
  Job other = job_;
  other.train.epochs = 3;
  other.train.max_steps = 9;
  other.output.checkpoint_every = 1;
  other.output.keep = 2;
  other.output.log_every = 3;
  other.output.eval_every = 2;
  other.link.bandwidth = 125e6;
  other.link.latency = std::chrono::microseconds(10);
  other.world.timeout = std::chrono::seconds(30);
  TrainOptions options = quiet(true);
  options.world_kind = "mpi";
  const Summary summary = trained(other, 2, options);
  EXPECT_EQ(summary.steps, 9);
  EXPECT_EQ(summary.world.kind, "mpi");
  EXPECT_EQ(find_checkpoints(other.output.dir).size(), 2u);
}

TEST_F(Resumed, AlsoFromAFolderThatWasMoved) {
  Job moved = job_;
  moved.output.dir = (folder_.path() / "elsewhere").string();
  fs::rename(job_.output.dir, moved.output.dir);
  EXPECT_EQ(trained(moved, 2, quiet(true)).steps, 14);
}

TEST_F(Resumed, InAnotherWorldIsRefused) {
  for (const int world : {1, 3}) {
    expect_all_refuse(endings_of_training(job_, world, quiet(true)), true,
                      {"world of 2 ranks", fmt::format("this one has {}", world)});
  }
}

TEST_F(Resumed, WithoutACheckpointIsRefused) {
  Job other = job_;
  other.output.dir = (folder_.path() / "nothing here").string();
  expect_all_refuse(endings_of_training(other, 2, quiet(true)), true,
                    {"--resume", "no checkpoint", "nothing here"});
}

TEST_F(Resumed, FromADamagedRankCheckpointIsRefusedNamingTheCheckpointBeforeIt) {
  const fs::path file = checkpoint(6) / "rank-0001.h5";
  const std::string whole = read_text(file);
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  for (const std::string& bytes : {damaged, whole.substr(0, whole.size() - 1), std::string()}) {
    std::ofstream(file, std::ios::binary) << bytes;
    expect_all_refuse(endings_of_training(job_, 2, quiet(true)), false,
                      {"rank 1", file.string(), "damaged", checkpoint(4).string()});
  }
  fs::remove(file);
  expect_all_refuse(endings_of_training(job_, 2, quiet(true)), false,
                    {"rank 1", file.string(), "missing", checkpoint(4).string()});
  fs::remove_all(checkpoint(6));  // as the sentence says
  EXPECT_EQ(trained(job_, 2, quiet(true)).steps, 14);
}

TEST_F(Resumed, FromADamagedManifestIsRefusedNamingTheCheckpointBeforeIt) {
  std::string text = read_text(checkpoint(6) / "manifest.json");
  text[text.find("optimizer.lr") + 3] ^= 1;
  std::ofstream(checkpoint(6) / "manifest.json", std::ios::binary) << text;
  expect_all_refuse(endings_of_training(job_, 2, quiet(true)), false,
                    {"manifest.json", checkpoint(4).string()});
}

TEST_F(Resumed, FromAnotherRanksFileIsRefused) {
  fs::copy_file(checkpoint(4) / "rank-0000.h5", checkpoint(6) / "rank-0000.h5",
                fs::copy_options::overwrite_existing);
  expect_all_refuse(endings_of_training(job_, 2, quiet(true)), false,
                    {"rank 0", "rank-0000.h5", "damaged", checkpoint(4).string()});
}

TEST_F(Resumed, ANewRunInTheSameFolderLeavesNothingOfTheOldOne) {
  job_.train.max_steps = 1;
  job_.output.checkpoint_every = 0;
  EXPECT_EQ(trained(job_, 2).steps, 1);
  const std::vector<Manifest> left = find_checkpoints(job_.output.dir);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].step, 1);
  EXPECT_FALSE(fs::exists(checkpoint(6)));
}

}  // namespace
}  // namespace terse::test
