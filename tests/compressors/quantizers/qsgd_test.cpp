#include "terse/compressors/quantizers/qsgd.h"

#include "compressors/support.h"

namespace terse::test {
namespace {

const std::size_t kShapes[] = {1, 7, 31, 99, 100, 101, 511, 512, 513, 2049, 7919};

TEST(Qsgd, IsTheReferenceToTheBit) {
  for (const std::size_t n : kShapes) {
    for (const float bits : {2.0f, 3.0f, 4.0f, 8.0f}) {
      for (const std::uint32_t bucket : {1u, 100u, 512u}) {
        const Input input{.grad = gradient(n, n), .e = gradient(n, 3), .level = bits, .first = 16};
        for (const bool max_norm : {false, true})
          expect_reference({.name = "qsgd", .bucket = bucket, .max_norm = max_norm}, input,
                           feedback::kClassic);
        expect_reference({.name = "nuqsgd", .bucket = bucket}, input, feedback::kClassic);
      }
    }
  }
}

TEST(Natural, IsTheReferenceToTheBit) {
  for (const std::size_t n : kShapes) {
    Input input{.grad = gradient(n, n), .e = gradient(n, 3), .first = 16};
    if (n > 8) {
      input.grad[3] = 0x1.0p18f, input.e[3] = 0;
      input.grad[4] = -0x1.8p17f, input.e[4] = 0;
      input.grad[5] = 0x1.0p-107f, input.e[5] = 0;
      input.grad[6] = 0x1.0p-110f, input.e[6] = 0;
    }
    expect_reference({.name = "natural"}, input, feedback::kClassic);
  }
}

// The mean of many draws is within 6 standard errors, and the mean square error within the paper's
// bound (plus 10 % for sampling).
struct Unbiased {
  std::shared_ptr<const Codec> codec;
  float level;
  double bound;  // of E||Q - v||^2 / ||v||^2
};

TEST(Quantizers, AreUnbiasedWithinThePapersVariance) {
  constexpr int kDraws = 1000;
  constexpr std::size_t kN = 512;
  const double root = std::sqrt(static_cast<double>(kN));
  const auto qsgd_bound = [&](double s) { return std::min(kN / (s * s), root / s); };
  const Unbiased cases[] = {{make_qsgd(kN, false), 2, qsgd_bound(1)},
                            {make_qsgd(kN, false), 4, qsgd_bound(7)},
                            {make_qsgd(kN, true), 4, qsgd_bound(7)},
                            {make_nuqsgd(kN), 4, 0.125 + root * 0x1.0p-6},
                            {make_natural(), 0, 0.125}};
  for (const auto& [codec, level, bound] : cases) {
    Input input{.grad = gradient(kN, 3), .level = level};
    std::vector<double> sum(kN), squares(kN);
    double error = 0, norm = 0;
    for (const float x : input.grad) norm += static_cast<double>(x) * x;
    for (int step = 0; step < kDraws; ++step) {
      input.key.step = static_cast<std::uint64_t>(step);
      const Floats decoded = decode(*codec, encode(*codec, input, feedback::kNone).payload, input);
      for (std::size_t i = 0; i < kN; ++i) {
        const double rest = static_cast<double>(decoded[i]) - input.grad[i];
        sum[i] += rest;
        squares[i] += rest * rest;
        error += rest * rest / kDraws;
      }
    }
    for (std::size_t i = 0; i < kN; ++i) {
      // A level drawn with probability below 1 / kDraws can be missed; it adds at most one level.
      const double deviation = std::sqrt(squares[i] / kDraws / kDraws),
                   rare = level == 0
                              ? 12.0 / kDraws * std::abs(static_cast<double>(input.grad[i])) +
                                    0x1.0p-108
                              : 12.0 / kDraws * std::sqrt(norm);
      EXPECT_TRUE(std::abs(sum[i] / kDraws) <= 6 * deviation + rare)
          << codec->name() << " " << level << " element " << i << " " << input.grad[i];
    }
    EXPECT_TRUE(error <= 1.1 * bound * norm)
        << codec->name() << " " << level << ": " << error / norm;
  }
}

TEST(Quantizers, ZerosAndWhatIsTooSmallAreSentAsZeros) {
  for (const float value : {0.0f, 1e-38f, -1e-33f}) {
    for (const auto& codec : {make_qsgd(64, false), make_qsgd(64, true), make_nuqsgd(64)}) {
      const Input input{.grad = Floats(100, value), .e = Floats(100), .level = 4};
      const Encoded encoded = encode(*codec, input, feedback::kClassic);
      EXPECT_EQ(encoded.payload, Payload(encoded.payload.size())) << codec->name();
      EXPECT_TRUE(same_bits(encoded.e, input.grad)) << codec->name();
    }
  }
}

TEST(Quantizers, RefuseWhatTheyCannotDo) {
  for (const float bits :
       {0.0f, 1.0f, 9.0f, 2.5f, -1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(make_qsgd(512, false)->check(bits, feedback::kNone), JobError) << bits;
    EXPECT_THROW(make_nuqsgd(512)->check(bits, feedback::kNone), JobError) << bits;
  }
  for (const std::uint32_t bucket : {0u, 65537u}) {
    EXPECT_THROW(make_qsgd(bucket, false), JobError);
    EXPECT_THROW(make_nuqsgd(bucket), JobError);
  }
  const Input large{.grad = Floats(600, 1e38f), .level = 4};
  EXPECT_EQ(encode(*make_qsgd(512, false), large, feedback::kNone).bad, 0);
  EXPECT_EQ(encode(*make_qsgd(512, true), large, feedback::kNone).bad, -1);
  // 31 times (largest float / 31), both rounded, exceeds the largest float.
  Input largest{.grad = {1, std::numeric_limits<float>::max()}, .level = 6};
  EXPECT_EQ(encode(*make_qsgd(512, true), largest, feedback::kNone).bad, 0);
  EXPECT_EQ(encode(*make_nuqsgd(512), largest, feedback::kNone).bad, -1);
  const Input past{.grad = {1, std::nextafter(0x1.0p18f, 1e9f)}};
  EXPECT_EQ(encode(*make_natural(), past, feedback::kNone).bad, 0);
  for (const float norm :
       {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
        std::numeric_limits<float>::max()}) {
    Payload payload(4 + 6);
    store(payload.data(), norm);
    EXPECT_THROW(decode(*make_qsgd(512, false), payload, {.grad = Floats(8), .level = 6}),
                 DamagedMessage);
  }
}

}  // namespace
}  // namespace terse::test
