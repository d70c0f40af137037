// The exchanges of sparse codecs with several rounds: what is applied and what is kept is what came
// in, the ranks agree to the bit, and the results are those of the plainest words.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "comm/reducer/reducer_bodies.h"
#include "comm/transport/run_threads.h"

namespace terse::test {
namespace {

CompressionOptions words_with(const std::string& codec, const std::string& values) {
  CompressionOptions words = words_for(codec, "classic");
  words.codec.values = values;
  words.codec.bucket = 64;
  return words;
}

constexpr const char* kExchanged[] = {"gtopk", "oktopk", "randomk", "randblock", "scalecom"};

class SparseExchanges : public testing::TestWithParam<int> {};

TEST_P(SparseExchanges, AppliedAndKeptIsWhatCameIn) {
  for (const char* codec : kExchanged) {
    for (const char* values : {"fp32", "fp16", "maxmin4"}) {
      SCOPED_TRACE(testing::Message() << codec << " " << values);
      run_threads(GetParam(), [&](CommThread& thread) {
        check_conservation(thread, words_with(codec, values), values[0] == 'm');
      });
    }
  }
}

TEST_P(SparseExchanges, TheSameBitsInEveryRun) {
  for (const char* codec : kExchanged) {
    std::vector<std::uint64_t> sums;
    for (int run = 0; run < 2; ++run) {
      run_threads(GetParam(), [&](CommThread& thread) {
        const std::uint64_t sum = run_steps(thread, words_with(codec, "maxmin4"));
        if (thread.rank() == 0) sums.push_back(sum);
      });
    }
    ASSERT_EQ(sums.size(), 2u);
    EXPECT_EQ(sums[0], sums[1]) << codec;
  }
}

using Sparse = std::map<std::size_t, float>;

// The k largest of a list, the lower index first among equals.
Sparse largest(const Sparse& all, std::size_t k) {
  std::vector<std::pair<std::size_t, float>> order(all.begin(), all.end());
  std::stable_sort(order.begin(), order.end(),
                   [](auto& a, auto& b) { return std::abs(a.second) > std::abs(b.second); });
  order.resize(std::min(order.size(), k));
  return {order.begin(), order.end()};
}

Sparse row_of(int rank, int step, std::size_t layer, std::size_t size) {
  Sparse row;
  for (std::size_t i = 0; i < size; ++i) row[i] = gradient(rank, step, layer, i);
  return row;
}

// Shi et al.: by halves, any world.
Sparse tree_sum(int world, std::size_t layer, std::size_t size, std::size_t k) {
  std::vector<Sparse> parts;
  for (int rank = 0; rank < world; ++rank)
    parts.push_back(largest(row_of(rank, 0, layer, size), k));
  for (int step = 1; step < world; step *= 2) {
    for (int rank = 0; rank + step < world; rank += 2 * step) {
      Sparse& into = parts[static_cast<std::size_t>(rank)];
      for (const auto& [i, value] : parts[static_cast<std::size_t>(rank + step)]) {
        const auto found = into.find(i);
        into[i] = found == into.end() ? value : found->second + value;
      }
      into = largest(into, k);
    }
  }
  return parts[0];
}

void check_mean(CommThread& thread, const char* codec, std::size_t layer,
                const std::function<Sparse(std::size_t)>& sum) {
  Model model = make_layers();
  const Plan plan = make_plan(model.layers, words_with(codec, "fp32"), 0, thread.size());
  Reducer reducer(model.layers, thread, plan, {.seed = 5});
  fill(model, thread.rank(), 0);
  reducer.begin(0);
  reducer.finish();
  const std::size_t size = model.layers[layer].size;
  const Sparse wanted = sum(size);
  const float weight = 1.0f / static_cast<float>(thread.size());
  for (std::size_t i = 0; i < size; ++i) {
    const auto found = wanted.find(i);
    const float value = found == wanted.end() ? 0.0f : weight * found->second;
    ASSERT_EQ(model.layers[layer].grad[i], value) << codec << " " << i;
  }
}

TEST_P(SparseExchanges, TheTreeGivesTheLargestOfItsSums) {
  const int world = GetParam();
  run_threads(world, [&](CommThread& thread) {
    check_mean(thread, "gtopk", 5,
               [&](std::size_t size) { return tree_sum(world, 5, size, size / 100); });
  });
}

TEST_P(SparseExchanges, TheLeadersIndicesAreEverybodys) {
  const int world = GetParam();
  run_threads(world, [&](CommThread& thread) {
    check_mean(thread, "scalecom", 5, [&](std::size_t size) {
      Sparse sum = largest(row_of(0, 0, 5, size), size / 100);
      for (auto& [i, value] : sum) {
        for (int rank = 1; rank < world; ++rank) value += gradient(rank, 0, 5, i);
      }
      return sum;
    });
  });
}

// Thresholds and cuts come and go with the step; the result has what all sent, where it has
// anything, and about k entries.
TEST_P(SparseExchanges, RegionsAreCutAnewAndThresholdsFoundInTheirSteps) {
  run_threads(GetParam(), [&](CommThread& thread) {
    Model model = make_layers();
    const Plan plan = make_plan(model.layers, words_with("oktopk", "fp32"), 0, thread.size());
    Reducer reducer(model.layers, thread, plan, {.seed = 5, .may_skip = true});
    for (const int step : {30, 31, 32, 33, 63, 64, 65}) {
      fill(model, thread.rank(), step);
      reducer.begin(static_cast<std::uint64_t>(step));
      reducer.finish();
      std::size_t found = 0;
      for (std::size_t i = 0; i < model.layers[7].size; ++i)
        found += model.layers[7].grad[i] != 0 ? 1 : 0;
      const std::size_t k = model.layers[7].size / 100;
      if (step >= 32) {
        EXPECT_GT(found, k / 2) << step;
      }
      EXPECT_LE(found, 2 * k + 9 * static_cast<std::size_t>(thread.size())) << step;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(OneToEight, SparseExchanges, testing::ValuesIn(worlds_up_to(8)));

}  // namespace
}  // namespace terse::test
