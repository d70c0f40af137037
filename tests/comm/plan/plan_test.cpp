#include <gtest/gtest.h>

#include <set>

#include "comm/reducer/reducer_bodies.h"
#include "terse/base/error.h"
#include "terse/comm/reducer/make_plan.h"

namespace terse::test {
namespace {

TEST(DgcDensity, GoldenValues) {  // ratio 0.001, five warm-up epochs, the rule of the authors' code
  const double expected[] = {0.31623, 0.1, 0.031623, 0.01, 0.0031623, 0.001, 0.001};
  for (int epoch = 0; epoch < 7; ++epoch) {
    EXPECT_TRUE(std::abs(dgc_density(0.001, 5, {}, epoch) / expected[epoch] - 1) < 1e-4) << epoch;
  }
}

TEST(DgcDensity, AnExplicitListIsTakenAsItIs) {
  const std::vector<double> list = {0.25, 0.0625};
  EXPECT_EQ(dgc_density(0.001, 2, list, 0), 0.25);
  EXPECT_EQ(dgc_density(0.001, 2, list, 1), 0.0625);
  EXPECT_EQ(dgc_density(0.001, 2, list, 2), 0.001);
}

TEST(MakePlan, VectorsAndSmallLayersTravelDense) {
  const Model model = make_layers();
  const Plan plan = make_plan(model.layers, words_for("maxmin"), 0, 4);
  ASSERT_EQ(plan.schemes.size(), 2u);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const bool dense = model.layers[i].dimensions < 2 || model.layers[i].size < 1024;
    EXPECT_EQ(plan.assignments[i].scheme, dense ? 0 : 1) << model.layers[i].name;
    if (!dense) {
      EXPECT_EQ(plan.assignments[i].level, 4) << model.layers[i].name;
    }
  }
}

TEST(MakePlan, GroupsHaveTheSizeThatTheJobAsksFor) {
  const Model model = make_layers();
  for (const char* codec : {"none", "fp16"}) {
    CompressionOptions words = words_for(codec);
    words.group_bytes = 40'000;
    EXPECT_EQ(make_plan(model.layers, words, 0, 2).schemes.back().group_bytes, 40'000u) << codec;
    words.group_bytes = 0;
    EXPECT_EQ(make_plan(model.layers, words, 0, 2).schemes.back().group_bytes, 1u << 20) << codec;
  }
}

TEST(MakePlan, RefusesWhatCannotWork) {
  const Model model = make_layers();
  const auto refused = [&](CompressionOptions words) {
    EXPECT_THROW(make_plan(model.layers, words, 0, 2), JobError);
  };
  CompressionOptions words = words_for("maxmin");
  words.bits = 9;
  refused(words);
  words = words_for("topk");
  words.density = 0;
  refused(words);
  words.density = std::nan("");
  refused(words);
  refused(words_for("dgc", "classic"));
  refused(words_for("nothing"));
  words = words_for("topk");
  words.clip_norm = 1;
  refused(words);
}

TEST(MakePlan, TheHashChangesWithEveryWordThatCounts) {
  const Model model = make_layers();
  std::set<std::uint32_t> hashes;
  int plans = 0;
  const auto add = [&](const CompressionOptions& words, int epoch) {
    hashes.insert(make_plan(model.layers, words, epoch, 2).hash());
    ++plans;
  };
  for (const std::string& codec : all_codecs()) add(words_for(codec), 0);
  CompressionOptions words = words_for("dgc");
  words.warmup_epochs = 2;
  add(words, 0);
  add(words, 1);
  words.warmup_epochs = 0;
  words.momentum = 0.5;
  add(words, 0);
  words.masking = false;
  add(words, 0);
  words = words_for("maxmin", "classic");
  add(words, 0);
  words.bits = 3;
  add(words, 0);
  const auto with = [&](const char* codec, auto change) {
    CompressionOptions other = words_for(codec);
    change(other.codec);
    add(other, 0);
  };
  with("maxmin", [](CodecOptions& options) { options.bucket = 64; });
  with("maxmin", [](CodecOptions& options) { options.stochastic = false; });
  with("qsgd", [](CodecOptions& options) { options.max_norm = true; });
  with("fp8", [](CodecOptions& options) { options.block = 32; });
  with("terngrad", [](CodecOptions& options) { options.clip = 0; });
  with("dgc", [](CodecOptions& options) { options.sample_ratio = 0.1; });
  with("powersgd", [](CodecOptions& options) { options.alternating = true; });
  with("threshold", [](CodecOptions& options) { options.threshold = 0.5; });
  with("topk", [](CodecOptions& options) { options.values = "fp16"; });
  EXPECT_EQ(static_cast<int>(hashes.size()), plans);
}

TEST(MakeGroups, CoverEveryElementOnce) {
  const Model model = make_layers();
  for (const std::string& codec : all_codecs()) {
    const Plan plan = make_plan(model.layers, words_for(codec), 0, 4);
    std::vector<std::vector<int>> covered;
    for (const Layer& layer : model.layers) covered.emplace_back(layer.size, 0);
    for (const GroupSpec& group : make_groups(model.layers, plan)) {
      for (const Piece& piece : group.pieces) {
        EXPECT_EQ(plan.assignments[piece.layer].scheme, group.scheme);
        for (std::uint32_t i = piece.first; i < piece.first + piece.n; ++i)
          ++covered[piece.layer].at(i);
      }
    }
    for (const auto& layer : covered) {
      for (const int times : layer) ASSERT_EQ(times, 1) << codec;
    }
  }
}

TEST(MakeSchedule, EveryGroupTakesItsTurnsAndNoWorkspaceIsSharedWhileOpen) {
  std::vector<GroupTiming> timings;
  for (int g = 0; g < 20; ++g) timings.push_back({g * 100, 450, g % 3});
  const auto order = make_schedule(timings, 4);
  std::vector<int> turns(20, 0), holder(4, -1);
  for (const Turn& turn : order) {
    const int g = turn.group;
    if (turns[static_cast<std::size_t>(g)]++ == 0) {
      EXPECT_EQ(holder.at(turn.workspace), -1);
      holder[turn.workspace] = g;
    }
    EXPECT_EQ(holder[turn.workspace], g);
    if (turns[static_cast<std::size_t>(g)] == timings[static_cast<std::size_t>(g)].rounds + 1)
      holder[turn.workspace] = -1;
  }
  for (int g = 0; g < 20; ++g) EXPECT_EQ(turns[static_cast<std::size_t>(g)], g % 3 + 1);
}

TEST(MakeSchedule, ADueTurnIsNotKeptWaitingByAGroupThatIsNotReady) {
  const std::vector<GroupTiming> timings = {{0, 10, 2}, {1'000'000, 10, 2}};
  const auto order = make_schedule(timings, 8);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)].group, 0);
}

std::vector<int> groups_of(const std::vector<Turn>& order) {
  std::vector<int> groups;
  for (const Turn& turn : order) groups.push_back(turn.group);
  return groups;
}

TEST(MakeSchedule, GroupsThatAreReadyTogetherFillTheLink) {
  const std::vector<GroupTiming> timings(4, {0, 10, 1});
  EXPECT_EQ(groups_of(make_schedule(timings, 4)), (std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3}));
  // The third starts as soon as the first is done, ahead of the second's end.
  EXPECT_EQ(groups_of(make_schedule(timings, 2)), (std::vector<int>{0, 1, 0, 2, 1, 3, 2, 3}));
}

TEST(MakeSchedule, RoundsOnALinkComeOneAfterAnother) {
  // The second group's round ends at 20, after the third is ready.
  const std::vector<GroupTiming> timings = {{0, 10, 1}, {0, 10, 1}, {15, 10, 1}};
  EXPECT_EQ(groups_of(make_schedule(timings, 3)), (std::vector<int>{0, 1, 0, 2, 1, 2}));
}

}  // namespace
}  // namespace terse::test
