#include "terse/base/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace terse {
namespace {

TEST(Philox, KnownAnswers) {  // Random123's kat_vectors, philox4x32 10
  EXPECT_EQ(philox(0, 0, 0), (Philox4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Philox4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822ull, 0x85a308d3243f6a88ull, 0x0370734413198a2eull),
            (Philox4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(NoiseDraw, KnownAnswers) {  // the same, philox4x32 7
  EXPECT_EQ(noise_draw(0, 0, 0), (Philox4{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
  EXPECT_EQ(noise_draw(~0ull, ~0ull, ~0ull),
            (Philox4{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}));
  EXPECT_EQ(noise_draw(0x299f31d0a4093822ull, 0x85a308d3243f6a88ull, 0x0370734413198a2eull),
            (Philox4{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}));
}

TEST(RandomStream, DependsOnEveryPartOfItsKey) {
  const RandomStream one(1, "weights", 2, 3);
  for (const RandomStream& other :
       {RandomStream(2, "weights", 2, 3), RandomStream(1, "shuffle", 2, 3),
        RandomStream(1, "weights", 3, 3), RandomStream(1, "weights", 3, 2)}) {
    EXPECT_NE(one.bits(0), other.bits(0));
  }
  EXPECT_EQ(one.bits(77), RandomStream(1, "weights", 2, 3).bits(77));
}

TEST(RandomStream, NormalHasUnitVariance) {
  const RandomStream stream(7, "normal");
  double sum = 0, squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.normal(i);
    sum += x;
    squares += x * x;
  }
  EXPECT_LT(std::abs(sum / kDraws), 5 / std::sqrt(kDraws));  // five standard errors
  EXPECT_LT(std::abs(squares / kDraws - 1), 5 * std::sqrt(2.0 / kDraws));
}

TEST(RandomStream, BelowStaysBelowAndReachesEverything) {
  const RandomStream stream(7, "below");
  bool seen[5] = {};
  for (int i = 0; i < 200; ++i) {
    const auto value = stream.below(i, 5);
    ASSERT_LT(value, 5u);
    seen[value] = true;
  }
  for (const bool each : seen) EXPECT_TRUE(each);
}

}  // namespace
}  // namespace terse
