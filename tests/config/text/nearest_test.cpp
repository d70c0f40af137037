#include "terse/config/text/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace terse {
namespace {

TEST(Nearest, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3u);
  EXPECT_EQ(edit_distance("flaw", "lawn"), 2u);
}

TEST(Nearest, TakesTheRightKeyUnderTheWrongSection) {
  const std::vector<std::string> known = {"train.seed", "train.epochs", "optimizer.lr",
                                          "schedule.epochs", "ranks"};
  EXPECT_EQ(nearest_key("train.epoch", known), "train.epochs");
  EXPECT_EQ(nearest_key("schedule.epohcs", known), "schedule.epochs");
  EXPECT_EQ(nearest_key("train.lr", known), "optimizer.lr");
  EXPECT_EQ(nearest_key("lr", known), "optimizer.lr");
  EXPECT_EQ(nearest_key("train.ep", known), "train.epochs");
  EXPECT_EQ(nearest_key("optimizer.lr", known), "optimizer.lr");
  EXPECT_EQ(nearest_key("rank", known), "ranks");
  EXPECT_EQ(nearest_key("", known), "optimizer.lr");
}

}  // namespace
}  // namespace terse
