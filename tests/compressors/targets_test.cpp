// Every instruction set gives the baseline's bits.
#include "targets.h"

#include "codec_cases.h"
#include "support.h"
#include "terse/compressors/kernels/noise.h"
#include "terse/compressors/kernels/norm.h"

namespace terse::test {
namespace {

class Targets : public testing::TestWithParam<Case> {};

struct Outcome {
  Encoded encoded;
  Floats one, sum;
};

Outcome outcome(const Codec& codec, const Input& mine, const Input& other, const Feedback& f) {
  Outcome result{encode(codec, mine, f), {}, {}};
  result.one = decode(codec, result.encoded.payload, mine);
  Payload theirs = encode(codec, other, f).payload;
  Floats u;
  result.sum = decode(codec, {&theirs, nullptr, &result.encoded.payload}, mine, f, 0.3f, &u);
  return result;
}

TEST_P(Targets, GiveTheBytesOfTheBaseline) {
  const auto codec = make_codec(GetParam().options);
  const float level = GetParam().level;
  for (const std::size_t n : {0u, 1u, 7u, 509u, 2049u, 70'001u}) {
    const Input mine{gradient(n, 1), gradient(n, 2), gradient(n, 3), level, 24},
        other{gradient(n, 4), gradient(n, 5), gradient(n, 6), level, 24};
    for (const Feedback& f : {feedback::kNone, feedback::kClassic, feedback::dgc(0.9f, true, true),
                              Feedback{.ve = 1, .ev = 0.3f, .ee = 0.7f, .ed = -0.3f}}) {
      const auto baseline = [&] {
        const Target chosen(targets().back());
        return outcome(*codec, mine, other, f);
      }();
      on_every_target([&] {
        const Outcome got = outcome(*codec, mine, other, f);
        EXPECT_EQ(got.encoded.payload, baseline.encoded.payload) << n;
        EXPECT_TRUE(same_bits(got.encoded.e, baseline.encoded.e)) << n;
        EXPECT_TRUE(same_bits(got.encoded.u, baseline.encoded.u)) << n;
        EXPECT_TRUE(same_bits(got.one, baseline.one)) << n;
        EXPECT_TRUE(same_bits(got.sum, baseline.sum)) << n;
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Targets, testing::ValuesIn(cases()),
                         [](const auto& one) { return test_name(one.param); });

TEST(Targets, AreMoreThanTheBaselineWhereTheMachineHasAvx2) {
#if defined(__x86_64__)
  EXPECT_EQ(targets().size() > 1, __builtin_cpu_supports("avx2") != 0);
#else
  EXPECT_GE(targets().size(), 1u);
#endif
}

TEST(Targets, DrawTheGeneratorsOwnNumbers) {
  on_every_target([] {
    std::vector<std::uint16_t> got(8 * 100);
    kernels::noise_octets(0xfedcba9876543210u, kLayer, 0xfffffff0u, 100, got.data());
    for (std::size_t j = 0; j < got.size(); ++j) {
      const auto counter = 0xfffffff0u + static_cast<std::uint32_t>(j / 8);
      const std::uint32_t word = noise_draw(0xfedcba9876543210u, counter, kLayer)[j % 8 / 2];
      ASSERT_EQ(got[j], j % 2 == 0 ? word & 0xffff : word >> 16) << j;
    }
  });
}

TEST(Targets, SumSquaresInTheSameOrder) {
  const Floats values = gradient(65'537, 1);
  double partial[32] = {};
  for (std::size_t i = 0; i < values.size(); ++i)
    partial[i % 32] += static_cast<double>(values[i]) * values[i];
  for (std::size_t half = 16; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) partial[i] += partial[i + half];
  }
  on_every_target([&] { EXPECT_EQ(squared_norm(values), partial[0]); });
}

}  // namespace
}  // namespace terse::test
