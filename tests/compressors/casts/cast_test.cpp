#include "terse/compressors/casts/cast.h"

#include "compressors/support.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"

namespace terse::test {
namespace {

std::uint16_t fp16(float value) {
  std::uint16_t half;
  kernels::to_fp16(&value, &half, 1);
  return half;
}
float fp32(std::uint16_t half) {
  float value;
  kernels::from_fp16(&half, &value, 1);
  return value;
}
std::uint16_t bf16(float value) {
  std::uint16_t half;
  kernels::to_bf16(&value, &half, 1);
  return half;
}
float fp32_of_bf16(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

TEST(Fp16, EveryHalfReadsAsItsValue) {
  for (std::uint32_t half = 0; half < 0x7c00; ++half) {
    const int exponent = static_cast<int>(half >> 10), significand = static_cast<int>(half & 0x3ff);
    const double value = exponent == 0 ? std::ldexp(significand, -24)
                                       : std::ldexp(1024 + significand, exponent - 25);
    ASSERT_EQ(fp32(static_cast<std::uint16_t>(half)), value) << half;
    ASSERT_EQ(fp32(static_cast<std::uint16_t>(half | 0x8000)), -value) << half;
  }
  EXPECT_TRUE(std::signbit(fp32(0x8000)));
  EXPECT_TRUE(std::isinf(fp32(0x7c00)));
  EXPECT_TRUE(std::isnan(fp32(0x7c01)));
}

// At each boundary between two neighbors, the midpoint rounds to the even one, and the floats next
// to it round to their own side.
TEST(Fp16, RoundsToNearestEvenEverywhere) {
  for (std::uint32_t half = 0; half < 0x7bff; ++half) {
    const float low = fp32(static_cast<std::uint16_t>(half)),
                high = fp32(static_cast<std::uint16_t>(half + 1));
    const float middle = (low + high) / 2;  // exact
    ASSERT_EQ(fp16(low), half);
    ASSERT_EQ(fp16(middle), half + (half & 1)) << half;
    ASSERT_EQ(fp16(std::nextafter(middle, 0.0f)), half) << half;
    ASSERT_EQ(fp16(std::nextafter(middle, 1e9f)), half + 1) << half;
    ASSERT_EQ(fp16(-middle), (half + (half & 1)) | 0x8000u) << half;
  }
  EXPECT_EQ(fp16(-0.0f), 0x8000);
  EXPECT_EQ(fp16(1e-45f), 0);
  EXPECT_EQ(fp16(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(fp16(65520.0f), 0x7c00);
}

TEST(Bf16, RoundsToNearestEvenEverywhere) {
  for (std::uint32_t half = 0; half < 0x7f7f; ++half) {
    const float low = fp32_of_bf16(static_cast<std::uint16_t>(half));
    const float middle = std::bit_cast<float>((half << 16) | 0x8000u);
    ASSERT_EQ(bf16(low), half);
    ASSERT_EQ(bf16(middle), half + (half & 1)) << half;
    ASSERT_EQ(bf16(std::bit_cast<float>((half << 16) | 0x7fffu)), half) << half;
    ASSERT_EQ(bf16(std::bit_cast<float>((half << 16) | 0x8001u)), half + 1) << half;
    ASSERT_EQ(bf16(-middle), (half + (half & 1)) | 0x8000u) << half;
  }
  EXPECT_EQ(bf16(-0.0f), 0x8000);
}

TEST(Halves, SumLikeTheyRead) {
  constexpr std::size_t kHalves = 0x7c00;
  std::vector<std::uint16_t> halves(kHalves);
  for (std::size_t i = 0; i < kHalves; ++i) halves[i] = static_cast<std::uint16_t>(i);
  const Floats start = gradient(kHalves, 1);
  Floats read(kHalves), sum = start;
  kernels::from_fp16(halves.data(), read.data(), kHalves);
  kernels::add_fp16(halves.data(), sum.data(), kHalves);
  for (std::size_t i = 0; i < kHalves; ++i) ASSERT_EQ(sum[i], start[i] + read[i]);
  sum = start;
  kernels::from_bf16(halves.data(), read.data(), kHalves);
  kernels::add_bf16(halves.data(), sum.data(), kHalves);
  for (std::size_t i = 0; i < kHalves; ++i) ASSERT_EQ(sum[i], start[i] + read[i]);
}

TEST(Casts, RefuseWhatRoundsPastTheirLargestNumber) {
  const float fp16_top = 65504, bf16_top = std::bit_cast<float>(0x7f7f0000u),
              top = std::numeric_limits<float>::max();
  const struct {
    std::shared_ptr<const Codec> codec;
    float good, bad;
  } cases[] = {{make_none(), top, std::numeric_limits<float>::infinity()},
               {make_fp16(), std::nextafter(65520.0f, 0.0f), 65520},
               {make_bf16(), std::bit_cast<float>(0x7f7f7fffu), std::bit_cast<float>(0x7f7f8000u)}};
  for (const auto& [codec, good, bad] : cases) {
    for (const float sign : {1.0f, -1.0f}) {
      Input input{.grad = Floats(3000, 1.0f)};
      input.grad[2500] = sign * good;
      Encoded encoded = encode(*codec, input, feedback::kNone);
      EXPECT_EQ(encoded.bad, -1) << codec->name();
      const float largest = codec->name() == "fp16"   ? fp16_top
                            : codec->name() == "bf16" ? bf16_top
                                                      : top;
      EXPECT_EQ(decode(*codec, encoded.payload, input)[2500], sign * largest) << codec->name();
      input.grad[2500] = sign * bad;
      encoded = encode(*codec, input, feedback::kNone);
      EXPECT_EQ(encoded.bad, 0) << codec->name();
      EXPECT_TRUE(same_bits(decode(*codec, encoded.payload, input), Floats(3000))) << codec->name();
    }
  }
}

TEST(None, SendsTheBytesOfTheValues) {
  const Input input{.grad = gradient(1000, 5)};
  const Encoded encoded = encode(*make_none(), input, feedback::kNone);
  ASSERT_EQ(encoded.payload.size(), 4000u);
  EXPECT_EQ(std::memcmp(encoded.payload.data(), input.grad.data(), 4000), 0);
}

}  // namespace
}  // namespace terse::test
