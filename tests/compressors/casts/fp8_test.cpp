#include "terse/compressors/casts/fp8.h"

#include "compressors/support.h"
#include "terse/compressors/kernels/cpu/quantize/float8.h"

namespace terse::test {
namespace {

using kernels::Float8;

struct Format {
  Float8 type;
  int significand, bias;
  double largest;
};
constexpr Format kFormats[] = {{Float8::e4m3, 3, 7, 448}, {Float8::e5m2, 2, 15, 57344}};

double value_of(const Format& f, unsigned code) {
  const int fields = 1 << f.significand, exponent = static_cast<int>(code & 0x7f) / fields,
            fraction = static_cast<int>(code & 0x7f) % fields;
  const double magnitude = exponent == 0
                               ? std::ldexp(fraction, 1 - f.bias - f.significand)
                               : std::ldexp(fields + fraction, exponent - f.bias - f.significand);
  return code & 0x80 ? -magnitude : magnitude;
}

std::uint8_t code_of(const Format& f, float value, int k = 0) {
  std::uint8_t code;
  kernels::to_float8(f.type, &value, k, &code, {}, 1);
  return code;
}

TEST(Float8, EveryByteReadsAsItsValue) {
  for (const Format& f : kFormats) {
    for (unsigned code = 0; code < 256; ++code) {
      const auto byte = static_cast<std::uint8_t>(code);
      float value;
      kernels::from_float8(f.type, &byte, 0, &value, 1);
      EXPECT_EQ(value, value_of(f, code)) << code;
      EXPECT_EQ(std::signbit(value), (code & 0x80) != 0);
    }
  }
}

TEST(Float8, RoundsToNearestEvenEverywhere) {
  for (const Format& f : kFormats) {
    for (unsigned code = 0; value_of(f, code) < f.largest; ++code) {
      const auto low = static_cast<float>(value_of(f, code)),
                 high = static_cast<float>(value_of(f, code + 1)), middle = (low + high) / 2;
      ASSERT_EQ(code_of(f, low), code);
      ASSERT_EQ(code_of(f, middle), code + (code & 1)) << code;
      ASSERT_EQ(code_of(f, std::nextafter(middle, 0.0f)), code) << code;
      ASSERT_EQ(code_of(f, std::nextafter(middle, 1e9f)), code + 1) << code;
      ASSERT_EQ(code_of(f, -middle), (code + (code & 1)) | 0x80u) << code;
      ASSERT_EQ(code_of(f, middle * 0x1.0p-90f, -90), code + (code & 1)) << code;
      ASSERT_EQ(code_of(f, middle * 0x1.0p90f, 90), code + (code & 1)) << code;
    }
    EXPECT_EQ(code_of(f, -0.0f), 0x80);
  }
}

TEST(Fp8, IsTheReferenceToTheBit) {
  for (const std::size_t n : {1u, 31u, 32u, 33u, 64u, 100u, 2049u, 7919u}) {
    for (const std::uint32_t block : {32u, 64u, 100u, 128u}) {
      Input input{.grad = gradient(n, n), .e = gradient(n, 9)};
      if (n == 100) std::fill_n(input.grad.begin(), 100, 1e-40f), input.e.assign(100, 0.0f);
      if (n == 33) input.grad[5] = 3e38f;
      for (const char* name : {"fp8", "fp8_e5m2"})
        expect_reference({.name = name, .block = block}, input, feedback::kClassic);
    }
  }
}

TEST(Fp8, RefusesWhatRoundsPastFp32) {
  for (const auto& [codec, bad, good] : {std::tuple{make_fp8_e4m3(64), 0x1.fp127f, 0x1.ep127f},
                                         std::tuple{make_fp8_e5m2(64), 0x1.ep127f, 0x1.cp127f}}) {
    for (const float sign : {1.0f, -1.0f}) {
      Input input{.grad = Floats(100, 1.0f)};
      input.grad[70] = sign * std::nextafter(bad, 0.0f);
      Encoded encoded = encode(*codec, input, feedback::kNone);
      EXPECT_EQ(encoded.bad, -1) << codec->name();
      EXPECT_EQ(decode(*codec, encoded.payload, input)[70], sign * good) << codec->name();
      input.grad[70] = sign * bad;
      encoded = encode(*codec, input, feedback::kNone);
      EXPECT_EQ(encoded.bad, 0) << codec->name();
      EXPECT_TRUE(same_bits(decode(*codec, encoded.payload, input), Floats(100))) << codec->name();
    }
  }
}

TEST(Fp8, RefusesWhatItCannotDo) {
  for (const std::uint32_t block : {0u, 31u, 129u}) {
    EXPECT_THROW(make_fp8_e4m3(block), JobError);
    EXPECT_THROW(make_fp8_e5m2(block), JobError);
  }
  Payload payload(2, std::byte{255});
  EXPECT_THROW(decode(*make_fp8_e4m3(64), payload, {.grad = Floats(1)}), DamagedMessage);
}

}  // namespace
}  // namespace terse::test
