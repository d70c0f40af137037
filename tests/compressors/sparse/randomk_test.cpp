#include "terse/compressors/sparse/randomk.h"

#include "compressors/support.h"

namespace terse::test {
namespace {

std::vector<std::uint32_t> subset(std::uint32_t n, std::uint32_t k, Key key) {
  std::vector<std::uint32_t> indices(k), bits((n + 31) / 32);
  draw_subset(n, kLayer, key, indices, bits);
  return indices;
}

std::vector<std::uint32_t> block(std::uint32_t n, std::uint32_t k, Key key) {
  std::vector<std::uint32_t> indices(k);
  draw_block(n, kLayer, key, indices);
  return indices;
}

TEST(RandomK, DrawsDistinctIndicesInOrderWhateverTheRank) {
  for (const std::uint32_t n : {1u, 2u, 3u, 4u, 5u, 16u, 17u, 1000u, 65'537u}) {
    for (const std::uint32_t k : {1u, n / 3, n}) {
      if (k == 0) continue;
      for (const auto draw : {subset, block}) {
        const auto indices = draw(n, k, {.seed = 1, .step = 2, .rank = 0});
        for (std::size_t i = 1; i < indices.size(); ++i) ASSERT_LT(indices[i - 1], indices[i]);
        ASSERT_LT(indices.back(), n);
        EXPECT_EQ(indices, draw(n, k, {.seed = 1, .step = 2, .rank = 5}));
      }
    }
  }
  EXPECT_NE(subset(1000, 10, {.seed = 1, .step = 2}), subset(1000, 10, {.seed = 1, .step = 3}));
}

// Each element is drawn with probability k / n, and each pair with about k (k - 1) / (n (n - 1)):
// five standard deviations over 20,000 draws.
TEST(RandomK, DrawsEveryElementAndEveryPairAsOften) {
  constexpr std::uint32_t kN = 13, kK = 4;
  constexpr double kDraws = 20'000;
  for (const auto draw : {subset, block}) {
    std::vector<double> single(kN), pair(kN * kN);
    for (std::uint64_t step = 0; step < kDraws; ++step) {
      const auto indices = draw(kN, kK, {.seed = 9, .step = step});
      for (const std::uint32_t i : indices) {
        ++single[i];
        for (const std::uint32_t j : indices) ++pair[i * kN + j];
      }
    }
    const auto near = [&](double count, double p) {
      return std::abs(count - kDraws * p) < 5 * std::sqrt(kDraws * p * (1 - p));
    };
    for (std::uint32_t i = 0; i < kN; ++i) {
      EXPECT_TRUE(near(single[i], 4.0 / 13)) << i << ": " << single[i];
      for (std::uint32_t j = 0; j < kN && draw == subset; ++j) {
        if (i != j) {
          EXPECT_TRUE(near(pair[i * kN + j], 12.0 / 156)) << i << " " << j;
        }
      }
    }
  }
}

// E decoded = v and E ||decoded - v||^2 = (n / k - 1) ||v||^2.
TEST(RandomK, UnbiasedValuesAverageToTheGradientWithThePapersVariance) {
  constexpr std::size_t kN = 200;
  constexpr int kDraws = 4000;
  for (const char* name : {"randomk", "randblock"}) {
    const auto codec = make_codec({.name = name, .unbiased = true});
    Input in{.grad = gradient(kN, 1), .level = 0.25f};
    std::vector<double> mean(kN);
    double error = 0, norm = 0;
    for (int step = 0; step < kDraws; ++step) {
      in.key.step = static_cast<std::uint64_t>(step);
      const Floats got = decode(*codec, encode(*codec, in, feedback::kNone).payload, in);
      for (std::size_t i = 0; i < kN; ++i) {
        mean[i] += static_cast<double>(got[i]) / kDraws;
        error += std::pow(static_cast<double>(got[i]) - in.grad[i], 2) / kDraws;
      }
    }
    for (std::size_t i = 0; i < kN; ++i) {
      norm += std::pow(in.grad[i], 2);
      // A value is 4 v with probability 1 / 4, so its standard deviation is sqrt(3) |v|.
      const double bound = 5 * std::sqrt(3.0 / kDraws) * std::abs(in.grad[i]) + 1e-12;
      EXPECT_TRUE(std::abs(mean[i] - in.grad[i]) <= bound) << name << " " << i;
    }
    EXPECT_NEAR(error / norm, 3.0, 0.25) << name;
    EXPECT_THROW(codec->check(0.25f, feedback::kClassic), JobError);
    EXPECT_FALSE(codec->traits().biased);
  }
}

TEST(RandomK, IsTheReferenceToTheBit) {
  for (const char* name : {"randomk", "randblock"}) {
    for (const std::size_t n : {1u, 2u, 3u, 16u, 17u, 1000u, 70'000u}) {
      const Input in{.grad = gradient(n, 1), .e = gradient(n, 2), .level = 0.01f};
      expect_reference({.name = name}, in, feedback::kClassic);
      expect_reference({.name = name, .unbiased = true}, in, feedback::kNone);
    }
  }
}

}  // namespace
}  // namespace terse::test
