#include <algorithm>
#include <cmath>

#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

// A floating-point format: sign, exponent and significand, with subnormals and without infinities.
struct Format {
  unsigned bits;
  int significand, bias;
  double largest;
};
constexpr Format kFp16{16, 10, 15, 65504}, kBf16{16, 7, 127, 0x1.fep127}, kE4m3{8, 3, 7, 448},
    kE5m2{8, 2, 15, 57344};

// Rounds to the nearest number of the format, ties to even.
std::uint32_t code_of(const Format& f, double v) {
  const double magnitude = std::abs(v);
  const int exponent = std::max(magnitude > 0 ? std::ilogb(magnitude) : 1 - f.bias, 1 - f.bias);
  // The implied bit of the significand adds 1 to the exponent field.
  const auto steps =
      static_cast<std::uint32_t>(std::nearbyint(std::ldexp(magnitude, f.significand - exponent)));
  const std::uint32_t field = static_cast<std::uint32_t>(exponent + f.bias - 1) << f.significand;
  return field + steps + (std::signbit(v) ? 1u << (f.bits - 1) : 0);
}

double value_of(const Format& f, std::uint32_t code) {
  const std::uint32_t rest = code & ((1u << (f.bits - 1)) - 1), fields = 1u << f.significand;
  const int exponent = static_cast<int>(rest / fields);
  const double magnitude =
      exponent == 0 ? std::ldexp(rest % fields, 1 - f.bias - f.significand)
                    : std::ldexp(fields + rest % fields, exponent - f.bias - f.significand);
  return code >> (f.bits - 1) != 0 ? -magnitude : magnitude;
}

Message half(const Format& f, std::span<const float> v) {
  BitWriter writer;
  Message message;
  for (const float x : v) {
    const std::uint32_t code = code_of(f, x);
    writer.bits(code, f.bits);
    message.decoded.push_back(static_cast<float>(value_of(f, code)));
  }
  message.payload = writer.payload();
  return message;
}

Message in_blocks(const Format& f, std::span<const float> v, std::size_t block) {
  BitWriter exponents, codes;
  Message message;
  for (std::size_t begin = 0; begin < v.size(); begin += block) {
    const auto part = v.subspan(begin, std::min(block, v.size() - begin));
    double peak = 0;
    for (const float x : part) peak = std::max(peak, std::abs(static_cast<double>(x)));
    int k = -126;
    while (peak > std::ldexp(f.largest, k)) ++k;
    exponents.bits(static_cast<std::uint64_t>(k) + 127, 8);
    for (const float x : part) {
      const std::uint32_t code = code_of(f, std::ldexp(static_cast<double>(x), -k));
      codes.bits(code, 8);
      message.decoded.push_back(static_cast<float>(std::ldexp(value_of(f, code), k)));
    }
  }
  message.payload = exponents.payload();
  append(message.payload, codes.payload());
  return message;
}

}  // namespace

Message none(const CodecOptions&, const FoldedRow& row) {
  Message message;
  for (const float x : row.v) {
    append(message.payload, x);
    message.decoded.push_back(x);
  }
  return message;
}

Message fp16(const CodecOptions&, const FoldedRow& row) { return half(kFp16, row.v); }
Message bf16(const CodecOptions&, const FoldedRow& row) { return half(kBf16, row.v); }
Message fp8(const CodecOptions& options, const FoldedRow& row) {
  return in_blocks(kE4m3, row.v, options.block);
}
Message fp8_e5m2(const CodecOptions& options, const FoldedRow& row) {
  return in_blocks(kE5m2, row.v, options.block);
}

// Rounds |v| to one of the two nearest powers of two, up with a probability that is its distance
// from the lower one divided by the distance between them.
Message natural(const CodecOptions&, const FoldedRow& row) {
  BitWriter codes;
  Message message;
  for (std::size_t i = 0; i < row.v.size(); ++i) {
    const double magnitude = std::abs(static_cast<double>(row.v[i]));
    int exponent = -127;
    if (magnitude >= 0x1.0p-126) {
      exponent = std::ilogb(magnitude);
      if (std::ldexp(magnitude, -exponent) - 1 + noise_at(row, i) >= 1) ++exponent;
    }
    const int code = std::max(0, exponent + 127 - 18);
    codes.bits(static_cast<std::uint64_t>(code) | (std::signbit(row.v[i]) ? 0x80 : 0), 8);
    message.decoded.push_back(
        with_sign_of(row.v[i], code == 0 ? 0.0f : std::ldexp(1.0f, code - 109)));
  }
  message.payload = codes.payload();
  return message;
}

}  // namespace terse::reference
