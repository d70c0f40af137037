// Training in mpirun's world and in a world of as many threads: the same job gives the same
// parameters to the bit.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "mpi/rank_main.h"
#include "temp_folder.h"
#include "terse/comm/transport/collectives.h"
#include "terse/comm/transport/threads/thread_world.h"
#include "terse/report/summary.h"
#include "terse/trainers/loop/trainer.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

// Few enough images that an epoch ends in a ragged step, in which some ranks have no sample.
const Dataset& few_images() {
  static const Dataset data = [] {
    Dataset all = load_dataset("hdf5", TERSE_SOURCE_DIR "/experiments/data/mnist-mini.h5");
    for (const auto& [split, images] : {std::pair(&all.train, 71), std::pair(&all.test, 30)}) {
      split->labels.resize(static_cast<std::size_t>(images));
      split->pixels.resize(static_cast<std::size_t>(images * split->shape.elements()));
    }
    return all;
  }();
  return data;
}

Job job_for(const std::string& codec, const std::string& model = "mlp") {
  Job job;
  job.model.name = model;
  job.model.hidden = {24};
  job.train.epochs = 2;
  job.train.batch = 8;
  job.schedule.epochs = 2;
  job.compression.codec.name = codec;
  job.compression.density = 0.05;
  job.compression.warmup_epochs = codec == "dgc" ? 1 : 0;
  return job;
}

TrainOptions options(const char* kind) {
  return {.world_kind = kind, .version = "test", .quiet = true};
}

void train_in_threads(const Job& job, int size) {
  const auto hub = make_thread_hub(size, {});
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      try {
        train(job, few_images(), thread, options("threads"));
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << " of the threads: " << error.what();
        thread.abort(error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Every rank calls it; rank 0 compares and returns the hash.
std::string expect_equal_bits(Job job) {
  std::optional<TempFolder> folder;  // of rank 0
  if (world->rank() == 0) folder.emplace();
  const fs::path place = gather_text(*world, folder ? folder->path().string() : "")[0];
  job.output.dir = place / "mpi";
  train(job, few_images(), *world, options("mpi"));
  std::string hash;
  if (folder) {
    hash = read_summary(job.output.dir).parameter_hash;
    job.output.dir = place / "threads";
    train_in_threads(job, world->size());
    const Summary threads = read_summary(job.output.dir);
    EXPECT_EQ(threads.parameter_hash, hash)
        << job.model.name << " by " << job.compression.codec.name;
    EXPECT_EQ(threads.world.size, world->size());
  }
  gather_text(*world, "");  // the others wait for rank 0
  return hash;
}

TEST(MpiTrainer, EveryCodecGivesTheBitsOfAWorldOfThreads) {
  std::set<std::string> hashes;
  const std::set<std::string> codecs = {"none", "fp16", "bf16", "maxmin", "topk", "dgc"};
  for (const std::string& codec : codecs) hashes.insert(expect_equal_bits(job_for(codec)));
  if (world->rank() != 0 || world->size() == 1) return;
  EXPECT_EQ(hashes.size(), codecs.size()) << "each codec rounds in a way of its own";
}

TEST(MpiTrainer, ConvolutionsGiveTheBitsOfAWorldOfThreads) {
  Job job = job_for("dgc", "convnet");
  job.train.batch = 4;
  job.train.max_steps = 2;
  expect_equal_bits(job);
}

TEST(MpiTrainer, ResNetsGiveTheBitsOfAWorldOfThreads) {
  Job job = job_for("maxmin", "resnet20");
  job.train.batch = 4;
  job.train.max_steps = 1;
  expect_equal_bits(job);
}

}  // namespace
}  // namespace terse::test

int main(int argc, char** argv) { return terse::test::main_in_world(argc, argv); }
