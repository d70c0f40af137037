#include "terse/compressors/fp8.h"

#include "support.h"
#include "terse/compressors/kernels/float8.h"

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
  kernels::to_float8(f.type, &value, k, &code, kernels::Keep::nothing, nullptr, 1);
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

TEST(Fp8, IsTheScalarReferenceToTheBit) {
  for (const std::size_t n : {1u, 31u, 32u, 33u, 64u, 100u, 2049u, 7919u}) {
    for (const std::uint32_t block : {32u, 64u, 100u, 128u}) {
      Input input{.grad = gradient(n, n), .e = gradient(n, 9)};
      if (n == 100) std::fill_n(input.grad.begin(), 100, 1e-40f), input.e.assign(100, 0.0f);
      if (n == 33) input.grad[5] = 3e38f;
      const Floats v = fold_all(input, feedback::kClassic);
      for (const Format& f : kFormats) {
        const std::size_t blocks = (n + block - 1) / block;
        Payload wanted(blocks + n);
        Floats values(n);
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::size_t end = std::min<std::size_t>(n, (b + 1) * block);
          double peak = 0;
          for (std::size_t i = b * block; i < end; ++i)
            peak = std::max(peak, std::abs(static_cast<double>(v[i])));
          int k = -126;
          while (peak > std::ldexp(f.largest, k)) ++k;
          wanted[b] = static_cast<std::byte>(k + 127);
          for (std::size_t i = b * block; i < end; ++i) {
            // The nearest of all bytes, the even one of two.
            const double target = std::ldexp(std::abs(static_cast<double>(v[i])), -k);
            unsigned best = 0;
            for (unsigned code = 1; value_of(f, code) <= f.largest && code < 0x80; ++code) {
              const double now = std::abs(value_of(f, code) - target),
                           then = std::abs(value_of(f, best) - target);
              if (now < then || (now == then && code % 2 == 0)) best = code;
            }
            wanted[blocks + i] = static_cast<std::byte>(best | (std::signbit(v[i]) ? 0x80u : 0));
            values[i] = static_cast<float>(std::ldexp(value_of(f, best), k) *
                                           (std::signbit(v[i]) ? -1 : 1));
          }
        }
        const auto codec = f.type == Float8::e4m3 ? make_fp8_e4m3(block) : make_fp8_e5m2(block);
        const Encoded encoded = encode(*codec, input, feedback::kClassic);
        EXPECT_EQ(encoded.payload, wanted) << codec->name() << " " << n << " " << block;
        EXPECT_TRUE(same_bits(decode(*codec, encoded.payload, input), values)) << n << " " << block;
      }
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
