// What the reducer has to do in every world, as functions of one rank's communication thread: run
// in-process by tests/comm and under mpirun by tests/mpi. Gradients are functions of (rank, step,
// layer, element), so each rank can compute what all others sent.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "terse/base/hash.h"
#include "terse/base/random.h"
#include "terse/comm/reducer/make_plan.h"
#include "terse/comm/reducer/reducer.h"

namespace terse::test {

inline constexpr int kSteps = 4;

struct Model {
  std::vector<Layer> layers;
  FloatBuffer arena{0};
};

inline Model make_layers() {
  const struct {
    const char* name;
    int dimensions;
    std::uint32_t size;
    std::uint32_t rows = 0;
  } shapes[] = {{"fc.bias", 1, 10},      {"fc.weight", 2, 1280, 10}, {"tiny.weight", 2, 17},
                {"one", 0, 1},           {"big.weight", 2, 70001},   {"conv.weight", 4, 9216, 64},
                {"norm.weight", 1, 333}, {"wide.weight", 2, 130003}};
  Model model;
  std::size_t total = 0;
  std::vector<std::size_t> offsets;
  for (const auto& shape : shapes) {
    model.layers.push_back({.name = shape.name,
                            .grad = nullptr,
                            .size = shape.size,
                            .dimensions = shape.dimensions,
                            .rows = shape.rows});
    offsets.push_back(total);
    total += (shape.size + 15) / 16 * 16;
  }
  model.arena = FloatBuffer(total);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    model.layers[i].grad = model.arena.values().data() + offsets[i];
  return model;
}

inline float gradient(int rank, int step, std::size_t layer, std::size_t i) {
  const std::uint64_t draw =
      mix64(i + (static_cast<std::uint64_t>(rank) << 56) +
            (static_cast<std::uint64_t>(step) << 48) + (static_cast<std::uint64_t>(layer) << 40));
  return (unit_float(static_cast<std::uint32_t>(draw)) - 0.5f) * 0.1f;
}

inline void fill(Model& model, int rank, int step) {
  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    for (std::size_t i = 0; i < model.layers[l].size; ++i)
      model.layers[l].grad[i] = gradient(rank, step, l, i);
  }
}

inline void make_ready(Reducer& reducer, const Model& model, int rank, int step) {
  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    // Ranks come at different times, and one layer is never announced: it counts as it stands at
    // finish().
    if (mix64(static_cast<std::uint64_t>(rank * 100 + step * 10) + l) % 3 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    if (l != 3) reducer.ready(l);
  }
}

inline CompressionOptions words_for(const std::string& codec,
                                    const std::string& feedback = "default") {
  CompressionOptions words;
  words.codec.name = codec;
  words.codec.bucket = 512;
  words.bits = 4;
  words.density = 0.01;
  words.momentum = 0.9;
  words.feedback = feedback;
  words.group_bytes = 128 * 1024;  // several groups, big layers cut
  return words;
}

// Every rank's hash of the means of all steps, of its own residuals left out. Checks on the way
// that all ranks agree.
inline std::uint64_t run_steps(CommThread& thread, const CompressionOptions& words,
                               bool may_skip = false) {
  Model model = make_layers();
  Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, thread.size()),
                  {.seed = 5, .may_skip = may_skip, .depth = 3});
  std::uint64_t sum = 0;
  for (int step = 0; step < kSteps; ++step) {
    fill(model, thread.rank(), step);
    reducer.begin(static_cast<std::uint64_t>(step));
    make_ready(reducer, model, thread.rank(), step);
    const StepReport report = reducer.finish();
    EXPECT_FALSE(report.nonfinite);
    sum = combine(sum, hash64(std::as_bytes(model.arena.values())));
    std::vector<std::string> all;
    thread.call(
        [&](Communicator& communicator) { all = all_gather(communicator, std::to_string(sum)); });
    for (const std::string& other : all)
      EXPECT_EQ(other, all[0]) << words.codec.name << " step " << step;
  }
  return sum;
}

// The mean that `none` must give, to the bit: fp32, rank order, then one multiplication.
inline void check_dense(CommThread& thread) {
  Model model = make_layers();
  Reducer reducer(model.layers, thread,
                  make_plan(model.layers, words_for("none"), 0, thread.size()), {});
  fill(model, thread.rank(), 0);
  reducer.begin(0);
  reducer.finish();
  const float weight = 1.0f / static_cast<float>(thread.size());
  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    for (std::size_t i = 0; i < model.layers[l].size; ++i) {
      float expected = gradient(0, 0, l, i);
      for (int rank = 1; rank < thread.size(); ++rank) expected += gradient(rank, 0, l, i);
      ASSERT_EQ(model.layers[l].grad[i], expected * weight) << model.layers[l].name << " " << i;
    }
  }
}

// What was applied and what is kept is what came in: over all ranks and steps, to float rounding.
inline void check_conservation(CommThread& thread, const CompressionOptions& words, bool may_skip) {
  Model model = make_layers();
  Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, thread.size()),
                  {.seed = 5, .may_skip = may_skip});
  const std::size_t layer = 4;
  const std::size_t size = model.layers[layer].size;
  std::vector<double> applied(size, 0.0), came(size, 0.0);
  for (int step = 0; step < kSteps; ++step) {
    fill(model, thread.rank(), step);
    for (std::size_t i = 0; i < size; ++i) {
      for (int rank = 0; rank < thread.size(); ++rank) came[i] += gradient(rank, step, layer, i);
    }
    reducer.begin(static_cast<std::uint64_t>(step));
    reducer.finish();
    for (std::size_t i = 0; i < size; ++i)
      applied[i] += static_cast<double>(model.layers[layer].grad[i]) * thread.size();
  }
  const std::span<float> residual = reducer.state().slot(model.layers[layer], "residual").values();
  std::vector<std::vector<std::byte>> all;
  thread.call(
      [&](Communicator& communicator) { all = all_gather(communicator, std::as_bytes(residual)); });
  for (const auto& bytes : all) {
    for (std::size_t i = 0; i < size; ++i)
      applied[i] += static_cast<double>(load<float>(bytes.data() + 4 * i));
  }
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_TRUE(std::abs(applied[i] - came[i]) < 4e-6)
        << words.codec.name << " element " << i << ": " << applied[i] << " of " << came[i];
  }
}

// signsgd without a server: the sign of the sum of signs, a tie being positive.
inline void check_votes(CommThread& thread) {
  Model model = make_layers();
  Reducer reducer(model.layers, thread,
                  make_plan(model.layers, words_for("signsgd"), 0, thread.size()), {});
  fill(model, thread.rank(), 0);
  reducer.begin(0);
  reducer.finish();
  for (const std::size_t l : {std::size_t{1}, std::size_t{4}, std::size_t{7}}) {
    for (std::size_t i = 0; i < model.layers[l].size; ++i) {
      int sum = 0;
      for (int rank = 0; rank < thread.size(); ++rank) sum += gradient(rank, 0, l, i) < 0 ? -1 : 1;
      ASSERT_EQ(model.layers[l].grad[i], sum < 0 ? -1 : 1) << model.layers[l].name << " " << i;
    }
  }
}

// terngrad without clipping: each mean is k times a scale that the ranks share, the largest |v| of
// all of them in this layer, over their number; |k| <= N.
inline void check_ternary(CommThread& thread) {
  Model model = make_layers();
  CompressionOptions words = words_for("terngrad");
  words.codec.clip = 0;
  words.group_bytes = 1 << 30;  // no layer is cut
  Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, thread.size()), {});
  fill(model, thread.rank(), 0);
  reducer.begin(0);
  reducer.finish();
  const auto world = static_cast<float>(thread.size());
  for (const std::size_t l : {std::size_t{1}, std::size_t{4}, std::size_t{7}}) {
    float scale = 0;
    for (int rank = 0; rank < thread.size(); ++rank) {
      for (std::size_t i = 0; i < model.layers[l].size; ++i)
        scale = std::max(scale, std::abs(gradient(rank, 0, l, i)));
    }
    double bias = 0;
    for (std::size_t i = 0; i < model.layers[l].size; ++i) {
      const float mean = model.layers[l].grad[i], k = std::round(mean / scale * world);
      ASSERT_TRUE(std::abs(k) <= world);
      ASSERT_EQ(mean, 1.0f / world * (scale * k)) << model.layers[l].name << " " << i;
      double expected = 0;
      for (int rank = 0; rank < thread.size(); ++rank) expected += gradient(rank, 0, l, i) / world;
      bias += mean - expected;
    }
    // Its standard deviation is below scale / 2 an element and rank.
    const double elements = static_cast<double>(model.layers[l].size);
    EXPECT_TRUE(std::abs(bias) < 6 * scale / 2 * std::sqrt(elements / world));
  }
}

// A NaN on one rank is known to all in the same step. Skipped, it leaves no trace: the run goes on
// as if the step had not been. And a run that may skip steps, whose rows have pairs of memory,
// gives the bits of one that may not: a row whose pair a committed step does not swap reads stale
// memory.
inline void check_nonfinite(CommThread& thread, const CompressionOptions& words) {
  Model model = make_layers();
  const int culprit = thread.size() - 1;
  constexpr int kBadStep = 2;
  const auto run = [&](bool with_bad_step, bool may_skip) {
    Reducer reducer(model.layers, thread, make_plan(model.layers, words, 0, thread.size()),
                    {.seed = 5, .may_skip = may_skip});
    std::uint64_t sum = 0;
    for (int step = 0; step < 5; ++step) {
      if (step == kBadStep && !with_bad_step) continue;
      fill(model, thread.rank(), step);
      const bool bad = step == kBadStep && thread.rank() == culprit;
      if (bad) model.layers[5].grad[77] = std::numeric_limits<float>::quiet_NaN();
      reducer.begin(static_cast<std::uint64_t>(step));
      make_ready(reducer, model, thread.rank(), step);
      const StepReport report = reducer.finish();
      EXPECT_EQ(report.nonfinite, step == kBadStep) << words.codec.name << " step " << step;
      if (bad && thread.size() == 1) {
        EXPECT_EQ(report.layer, "conv.weight");
      }
      if (step != kBadStep) sum = combine(sum, hash64(std::as_bytes(model.arena.values())));
    }
    reducer.state().visit([&](const std::string& name, std::span<float> values) {
      sum = combine(sum, hash64(name), hash64(std::as_bytes(values)));
    });
    return sum;
  };
  const std::uint64_t unpaired = run(false, false);
  EXPECT_EQ(run(false, true), unpaired) << words.codec.name << " in pairs";
  EXPECT_EQ(run(true, true), unpaired) << words.codec.name << " with a skipped step";
}

// A wish to stop on one rank reaches all of them in the same step.
inline void check_stop(CommThread& thread) {
  Model model = make_layers();
  std::atomic<bool> wanted{false};
  Reducer reducer(model.layers, thread, make_plan(model.layers, words_for("dgc"), 0, thread.size()),
                  {.stop_wanted = &wanted});
  int stopped_at = -1;
  for (int step = 0; step < kSteps && stopped_at < 0; ++step) {
    fill(model, thread.rank(), step);
    if (step == 2 && thread.rank() == thread.size() - 1) wanted = true;
    reducer.begin(static_cast<std::uint64_t>(step));
    make_ready(reducer, model, thread.rank(), step);
    if (reducer.finish().stop_wanted) stopped_at = step;
  }
  EXPECT_EQ(stopped_at, 2);
}

// Fixed-size codecs send what was promised, the others at most that.
inline void check_bytes(CommThread& thread, const CompressionOptions& words) {
  Model model = make_layers();
  const Plan plan = make_plan(model.layers, words, 0, thread.size());
  Reducer reducer(model.layers, thread, plan, {});
  const std::size_t promised = step_bytes(model.layers, plan, thread.rank(), thread.size());
  fill(model, thread.rank(), 0);
  reducer.begin(0);
  const std::uint64_t sent = reducer.finish().bytes_sent;
  if (thread.size() == 1) {
    EXPECT_EQ(sent, 0u);
  } else if (plan.schemes.back().codec->traits().fixed_size) {
    EXPECT_EQ(sent, promised) << words.codec.name;
  } else {
    EXPECT_LE(sent, promised) << words.codec.name;
    EXPECT_GT(sent, promised / 4) << words.codec.name;
  }
}

// The registry's codecs.
inline std::vector<std::string> all_codecs() {
  const auto names = codec_names();
  return {names.begin(), names.end()};
}

}  // namespace terse::test
