// Shared by the tests of whole runs: a small job, images that can be learned, a world of threads
// that trains, and the contents of its output folder.
#pragma once

#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "comm/transport/run_threads.h"
#include "temp_folder.h"
#include "terse/base/hash.h"
#include "terse/base/random.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/feedback.h"
#include "terse/io/checkpoint.h"
#include "terse/io/state_file.h"
#include "terse/report/summary.h"
#include "terse/trainers/loop/trainer.h"

namespace terse::test {

namespace fs = std::filesystem;

inline std::vector<std::string> all_codecs() {
  return {codec_names().begin(), codec_names().end()};
}

// As published, the codec keeps sgd's momentum.
inline bool owns_momentum(const std::string& codec) {
  return feedback_info(codec_info(codec).feedback).owns_momentum;
}

// Four classes, each a pattern under noise.
inline Split make_split(std::int64_t size, Shape shape, std::string_view purpose) {
  Split split{.shape = shape, .pixels = {}, .labels = {}};
  const RandomStream noise(1, purpose), pattern(1, "pattern");
  for (std::int64_t image = 0; image < size; ++image) {
    split.labels.push_back(image % 4);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const auto at = static_cast<std::uint64_t>(image * shape.elements() + i);
      const auto seen = static_cast<std::uint64_t>((image % 4) * shape.elements() + i);
      const float unit = 0.5f * noise.uniform(at) + 0.5f * pattern.uniform(seen);
      split.pixels.push_back(static_cast<std::uint8_t>(255 * unit));
    }
  }
  return split;
}

inline Dataset make_images(std::int64_t train, std::int64_t test, Shape shape = {1, 8, 8}) {
  Dataset data;
  data.name = "patterns";
  data.classes = 4;
  data.train = make_split(train, shape, "train");
  data.test = make_split(test, shape, "test");
  data.mean.assign(static_cast<std::size_t>(shape.channels), 0.5f);
  data.std.assign(static_cast<std::size_t>(shape.channels), 0.25f);
  data.fingerprint = hash64(std::as_bytes(std::span(std::as_const(data.train.pixels))));
  return data;
}

// 74 images: 4 ranks of 6 take 4 steps an epoch, the last of two images, so that two ranks have
// none.
inline const Dataset& images() {
  static const Dataset data = make_images(74, 30);
  return data;
}

// Two of the mlp's three weights are large enough to be compressed.
inline Job small_job(const fs::path& output) {
  Job job;
  job.model = {.name = "mlp", .hidden = {48, 32}};
  job.train.epochs = 2;
  job.train.batch = 6;
  job.schedule.epochs = 2;
  job.compression.density = 0.05;
  job.output.dir = output.string();
  return job;
}

inline Job codec_job(const fs::path& output, const std::string& codec) {
  Job job = small_job(output);
  job.compression.codec.name = codec;
  job.compression.bits = 4;
  job.compression.codec.threshold = 0.02;
  if (codec == "dgc") job.compression.warmup_epochs = 1;
  return job;
}

inline TrainOptions quiet(bool resume = false) {
  return {.world_kind = "threads", .version = "test", .resume = resume, .quiet = true};
}

inline std::vector<Ending> endings_of_training(const Job& job, int world,
                                               const TrainOptions& options = quiet(),
                                               const Dataset& data = images()) {
  return endings_of(world, [&](CommThread& thread) { train(job, data, thread, options); });
}

// Trains to the end, which must not fail, and reads the summary.
inline Summary trained(const Job& job, int world, const TrainOptions& options = quiet(),
                       const Dataset& data = images()) {
  run_threads(world, [&](CommThread& thread) {
    EXPECT_EQ(train(job, data, thread, options), TrainEnd::done);
  });
  return read_summary(job.output.dir);
}

// The arrays of a rank's checkpoint by name, without the run's progress.
using Saved = std::map<std::string, std::vector<float>>;

inline Saved saved(const Job& job, const Manifest& manifest, int rank) {
  const StateReader reader(read_rank_checkpoint(job.output.dir, manifest, rank));
  Saved arrays;
  for (const std::string& name : reader.names()) {
    if (!name.starts_with("position/")) arrays[name] = reader.read_all<float>(name);
  }
  return arrays;
}

// Of the newest checkpoint.
inline Saved saved(const Job& job, int rank = 0) {
  const auto manifest = newest_manifest(job.output.dir);
  if (!manifest) {
    ADD_FAILURE() << "no checkpoint in " << job.output.dir;
    return {};
  }
  return saved(job, *manifest, rank);
}

inline std::size_t count_named(const Saved& arrays, const std::string& prefix) {
  return static_cast<std::size_t>(
      std::count_if(arrays.begin(), arrays.end(),
                    [&](const auto& item) { return item.first.starts_with(prefix); }));
}

inline void expect_same_bits(const Saved& mine, const Saved& expected, const std::string& what) {
  ASSERT_EQ(mine.size(), expected.size()) << what;
  for (const auto& [name, values] : expected) {
    ASSERT_TRUE(mine.contains(name)) << what << ": " << name;
    const std::vector<float>& own = mine.at(name);
    ASSERT_EQ(own.size(), values.size()) << what << ": " << name;
    EXPECT_TRUE(own.empty() || std::memcmp(own.data(), values.data(), 4 * own.size()) == 0)
        << what << ": " << name << " differs";
  }
}

inline void expect_near(std::span<const float> mine, std::span<const float> expected,
                        double tolerance, const std::string& what) {
  ASSERT_EQ(mine.size(), expected.size()) << what;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const double a = mine[i], b = expected[i];
    ASSERT_TRUE(std::abs(a - b) <= tolerance * (1 + std::abs(b)))
        << what << " element " << i << ": " << a << " is not " << b;
  }
}

// Compares only the parameters: other state of the two runs may have different shapes.
inline void expect_near_parameters(const Job& mine, const Job& expected, double tolerance,
                                   const std::string& what) {
  const Saved a = saved(mine), b = saved(expected);
  std::size_t compared = 0;
  for (const auto& [name, values] : b) {
    if (!name.starts_with("parameter/")) continue;
    ++compared;
    ASSERT_TRUE(a.contains(name)) << what << ": " << name;
    expect_near(a.at(name), values, tolerance, what + ": " + name);
  }
  EXPECT_GT(compared, 0u) << what;
}

}  // namespace terse::test
