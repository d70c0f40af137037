#include "terse/compressors/quantizers/maxmin.h"

#include "compressors/support.h"

namespace terse::test {
namespace {

constexpr bool kStochastic = true, kNearest = false;

float scale_word(const Payload& payload, std::size_t word) {
  return load<float>(payload.data() + 4 * word);
}

TEST(MaxMin, GoldenBucketOfTwoBits) {
  const auto codec = make_maxmin(512, kNearest);
  const Input input{.grad = {0, 1, 2, 3.1f}, .level = 2};
  const Encoded encoded = encode(*codec, input, feedback::kNone);
  ASSERT_EQ(encoded.payload.size(), 9u);
  EXPECT_FLOAT_EQ(scale_word(encoded.payload, 0), 1.0333333f);
  EXPECT_EQ(scale_word(encoded.payload, 1), 0.0f);
  EXPECT_EQ(encoded.payload[8], std::byte{0xe4});
  const Floats decoded = decode(*codec, encoded.payload, input);
  EXPECT_EQ(decoded[0], 0);
  EXPECT_FLOAT_EQ(decoded[1], 1.0333333f);
  EXPECT_FLOAT_EQ(decoded[2], 2.0666667f);
  EXPECT_FLOAT_EQ(decoded[3], 3.1f);
}

TEST(MaxMin, ConstantBucketsDecodeExactly) {
  for (const bool stochastic : {kStochastic, kNearest}) {
    for (int bits = 1; bits <= 8; ++bits) {
      const auto codec = make_maxmin(64, stochastic);
      const Input input{.grad = Floats(100, 5.0f), .level = static_cast<float>(bits)};
      const Encoded encoded = encode(*codec, input, feedback::kClassic);
      EXPECT_EQ(scale_word(encoded.payload, 0), 0);
      for (std::size_t i = 16; i < encoded.payload.size(); ++i)
        EXPECT_EQ(encoded.payload[i], std::byte{0});
      EXPECT_TRUE(same_bits(decode(*codec, encoded.payload, input), input.grad));
      EXPECT_TRUE(same_bits(encoded.e, Floats(100, 0.0f)));
    }
  }
}

TEST(MaxMin, BucketsOfNearlyEqualValuesHaveCodesZero) {
  const auto codec = make_maxmin(64, kNearest);
  const Input input{.grad = {1e-12f, 2e-12f, 3e-12f}, .level = 8};
  const Floats decoded = decode(*codec, encode(*codec, input, feedback::kNone).payload, input);
  EXPECT_TRUE(same_bits(decoded, Floats(3, 1e-12f)));
}

TEST(MaxMin, NearestErrsByHalfAUnitAtMost) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (const std::uint32_t bucket : {1u, 5u, 12u, 64u, 512u, 3000u}) {
      const auto codec = make_maxmin(bucket, kNearest);
      const Input input{.grad = gradient(5000, bits), .level = static_cast<float>(bits)};
      const Encoded encoded = encode(*codec, input, feedback::kNone);
      const Floats decoded = decode(*codec, encoded.payload, input);
      for (std::size_t i = 0; i < decoded.size(); ++i) {
        const double unit = scale_word(encoded.payload, i / bucket * 2),
                     low = scale_word(encoded.payload, i / bucket * 2 + 1);
        const double rounding = 1e-6 * (std::abs(low) + 255 * unit) + 1e-10 * 255;
        ASSERT_LE(std::abs(static_cast<double>(decoded[i]) - input.grad[i]), unit / 2 + rounding)
            << bits << " " << bucket << " " << i;
      }
    }
  }
}

TEST(MaxMin, StochasticRoundingIsUnbiased) {
  const auto codec = make_maxmin(512, kStochastic);
  constexpr int kDraws = 2000;
  for (const float bits : {1.0f, 2.0f, 4.0f}) {
    Input input{.grad = gradient(1000, 3), .level = bits};
    std::vector<double> sum(input.grad.size());
    Payload payload;
    for (int step = 0; step < kDraws; ++step) {
      input.key.step = static_cast<std::uint64_t>(step);
      payload = encode(*codec, input, feedback::kNone).payload;
      const Floats decoded = decode(*codec, payload, input);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += decoded[i];
    }
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double unit = scale_word(payload, i / 512 * 2);
      const double part = (input.grad[i] - scale_word(payload, i / 512 * 2 + 1)) / unit;
      const double share = part - std::floor(part);
      // Five standard errors of a Bernoulli variable, plus the rounding of fp32.
      const double bound =
          unit * (5 * std::sqrt(share * (1 - share) / kDraws) + 5.0 / kDraws + 1e-4);
      ASSERT_LE(std::abs(sum[i] / kDraws - input.grad[i]), bound) << bits << " bits, element " << i;
    }
  }
}

// For any position of the row in its layer and any bucket size.
TEST(MaxMin, IsTheReferenceToTheBit) {
  for (const bool stochastic : {kStochastic, kNearest}) {
    for (const std::uint32_t bucket : {1u, 3u, 12u, 100u, 512u, 3001u}) {
      for (const float bits : {1.0f, 3.0f, 4.0f, 5.0f, 8.0f}) {
        expect_reference(
            {.name = "maxmin", .bucket = bucket, .stochastic = stochastic},
            {.grad = gradient(6007, 7), .e = gradient(6007, 8), .level = bits, .first = 4093},
            feedback::kClassic);
      }
    }
  }
}

TEST(MaxMin, RanksStepsAndPhasesDrawApart) {
  const auto codec = make_maxmin(512, kStochastic);
  const Input input{.grad = gradient(2000, 3), .level = 4};
  const Payload base = encode(*codec, input, feedback::kNone).payload;
  for (const Key& key : {Key{8, 3, 1, 0}, Key{7, 4, 1, 0}, Key{7, 3, 2, 0}, Key{7, 3, 1, 1}}) {
    Input other = input;
    other.key = key;
    EXPECT_NE(encode(*codec, other, feedback::kNone).payload, base);
  }
}

// The scales and codes of a row's pieces, concatenated, are those of the row.
TEST(MaxMin, PiecesHaveTheBytesOfTheWhole) {
  for (const bool stochastic : {kStochastic, kNearest}) {
    for (const std::uint32_t bucket : {1u, 4u, 12u, 100u, 512u, 4096u}) {
      const auto codec = make_maxmin(bucket, stochastic);
      const std::uint32_t block = codec->traits().block;
      for (const int bits : {1, 3, 4, 8}) {
        const std::size_t n = 5 * std::size_t{block} + 77;
        Input whole{.grad = gradient(n, bucket),
                    .e = gradient(n, bucket + 1),
                    .level = static_cast<float>(bits),
                    .first = 3 * block};
        const Encoded all = encode(*codec, whole, feedback::kClassic);
        Payload scales, codes;
        Floats e;
        for (const auto& [from, to] :
             std::vector<std::pair<std::size_t, std::size_t>>{{0, 1}, {1, 3}, {3, 5}, {5, 1000}}) {
          const std::size_t begin = from * block, end = std::min<std::size_t>(n, to * block);
          Input piece{.grad = Floats(whole.grad.begin() + begin, whole.grad.begin() + end),
                      .e = Floats(whole.e.begin() + begin, whole.e.begin() + end),
                      .level = whole.level,
                      .first = whole.first + static_cast<std::uint32_t>(begin)};
          const Encoded part = encode(*codec, piece, feedback::kClassic);
          const auto scales_end =
              part.payload.begin() +
              static_cast<std::ptrdiff_t>((end - begin + bucket - 1) / bucket * 8);
          scales.insert(scales.end(), part.payload.begin(), scales_end);
          codes.insert(codes.end(), scales_end, part.payload.end());
          e.insert(e.end(), part.e.begin(), part.e.end());
        }
        scales.insert(scales.end(), codes.begin(), codes.end());
        EXPECT_EQ(scales, all.payload) << bucket << " " << bits;
        EXPECT_TRUE(same_bits(e, all.e));
      }
    }
  }
}

TEST(MaxMin, ARangeThatIsNoNumberIsBad) {
  const auto codec = make_maxmin(64, kStochastic);
  const Input input{.grad = {3e38f, -3e38f, 1}, .level = 4};
  const Encoded encoded = encode(*codec, input, feedback::kClassic);
  EXPECT_EQ(encoded.bad, 0);
  EXPECT_TRUE(same_bits(decode(*codec, encoded.payload, input), Floats(3)));
}

TEST(MaxMin, ScalesThatContradictThemselvesAreRefused) {
  const auto codec = make_maxmin(4, kNearest);
  const Input input{.grad = {0, 1, 2, 3, 4, 5}, .level = 4};
  const Payload good = encode(*codec, input, feedback::kNone).payload;
  const float bad[] = {-1.0f, std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::max()};
  for (const float unit : bad) {
    Payload payload = good;
    store(payload.data() + 8, unit);
    EXPECT_THROW(decode(*codec, payload, input), DamagedMessage);
  }
  Payload payload = good;
  store(payload.data() + 4, bad[2]);
  EXPECT_THROW(decode(*codec, payload, input), DamagedMessage);
}

TEST(MaxMin, ChecksItsOptions) {
  EXPECT_THROW(make_maxmin(0, true), JobError);
  EXPECT_THROW(make_maxmin(65537, true), JobError);
  const auto codec = make_maxmin(65536, true);
  for (const float bits : {0.0f, 9.0f, 2.5f, -1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THROW(codec->check(bits, feedback::kNone), JobError) << bits;
  }
  for (int bits = 1; bits <= 8; ++bits) codec->check(static_cast<float>(bits), feedback::kClassic);
}

}  // namespace
}  // namespace terse::test
