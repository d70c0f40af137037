#include <algorithm>
#include <cmath>

#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

struct Coded {
  std::uint32_t code;
  float value;
};

// Encodes a row in buckets: scale(part, payload) writes and returns a bucket's scale, and
// code(scale, v, i) encodes element i.
template <class Scale, class Code>
Message in_buckets(const FoldedRow& row, std::size_t bucket, Scale&& scale, Code&& code) {
  BitWriter codes;
  Message message;
  for (std::size_t begin = 0; begin < row.v.size(); begin += bucket) {
    const auto part = row.v.subspan(begin, std::min(bucket, row.v.size() - begin));
    const auto unit = scale(part, message.payload);
    for (std::size_t i = begin; i < begin + part.size(); ++i) {
      const Coded coded = code(unit, row.v[i], i);
      codes.bits(coded.code, static_cast<unsigned>(row.level));
      message.decoded.push_back(coded.value);
    }
  }
  append(message.payload, codes.payload());
  return message;
}

float two_norm(std::span<const float> v) { return static_cast<float>(std::sqrt(dot(v, v))); }
float peak(std::span<const float> v) {
  float largest = 0;
  for (const float x : v) largest = std::max(largest, std::abs(x));
  return largest;
}

// A bucket whose unit is too small has norm 0: it is sent as zeros.
float or_zero(float norm, float unit) { return unit >= 1e-30f ? norm : 0.0f; }

}  // namespace

Message maxmin(const CodecOptions& options, const FoldedRow& row) {
  struct Range {
    float unit, low;
  };
  const float top = std::ldexp(1.0f, static_cast<int>(row.level)) - 1;
  const auto scale = [&](std::span<const float> part, Payload& payload) {
    // Adding 0 turns -0 into +0.
    const float low = *std::ranges::min_element(part) + 0.0f,
                high = *std::ranges::max_element(part) + 0.0f;
    const Range range{(high - low) / top, low};
    append(payload, range.unit);
    append(payload, range.low);
    return range;
  };
  return in_buckets(row, options.bucket, scale, [&](Range range, float v, std::size_t i) -> Coded {
    if (range.unit < 1e-10f) return {0, range.low};
    const float shift = options.stochastic ? noise_at(row, i) : 0.5f;
    const float level = std::min(std::floor((v - range.low) * (1 / range.unit) + shift), top);
    return {static_cast<std::uint32_t>(level), range.low + range.unit * level};
  });
}

Message qsgd(const CodecOptions& options, const FoldedRow& row) {
  const auto sign = 1u << (static_cast<unsigned>(row.level) - 1);
  const auto most = static_cast<float>(sign - 1);
  const auto scale = [&](std::span<const float> part, Payload& payload) {
    const float norm = options.max_norm ? peak(part) : two_norm(part);
    append(payload, or_zero(norm, norm / most));
    return or_zero(norm, norm / most) / most;
  };
  return in_buckets(row, options.bucket, scale, [&](float unit, float v, std::size_t i) -> Coded {
    if (unit == 0) return {0, 0};
    const float level = std::min(std::floor(std::abs(v) / unit + noise_at(row, i)), most);
    return {static_cast<std::uint32_t>(level) | (std::signbit(v) ? sign : 0),
            with_sign_of(v, unit * level)};
  });
}

Message nuqsgd(const CodecOptions& options, const FoldedRow& row) {
  const auto sign = 1u << (static_cast<unsigned>(row.level) - 1);
  const int s = static_cast<int>(sign) - 2;
  const auto scale = [&](std::span<const float> part, Payload& payload) {
    const float norm = two_norm(part);
    append(payload, or_zero(norm, norm));
    return or_zero(norm, norm);
  };
  return in_buckets(row, options.bucket, scale, [&](float norm, float v, std::size_t i) -> Coded {
    if (norm == 0) return {0, 0};
    const float r = std::min(std::abs(v) / norm, 1.0f), noise = noise_at(row, i);
    int level = 0;
    if (std::ldexp(r, s) < 1) {
      level = noise < std::ldexp(r, s) ? 1 : 0;
    } else {
      const int exponent = std::ilogb(r);
      const double share = std::ldexp(static_cast<double>(r), -exponent) - 1;
      level = exponent + s + 1 + (share + noise >= 1 ? 1 : 0);
    }
    const float value = level == 0 ? 0.0f : norm * std::ldexp(1.0f, level - 1 - s);
    return {static_cast<std::uint32_t>(level) | (std::signbit(v) ? sign : 0),
            with_sign_of(v, value)};
  });
}

Message terngrad(const CodecOptions& options, const FoldedRow& row) {
  if (row.v.empty()) return {};
  float scale = peak(row.v);
  if (options.clip > 0) {
    double sum = 0, squares = 0;
    for (std::size_t at = 0; at < row.v.size(); at += 2048) {
      const auto part = row.v.subspan(at, std::min<std::size_t>(2048, row.v.size() - at));
      sum += static_cast<double>(sum_above(part)) - static_cast<double>(sum_below(part));
      squares += dot(part, part);
    }
    const auto n = static_cast<double>(row.v.size());
    const double variance = std::max(0.0, squares / n - sum / n * (sum / n));
    const auto bound = static_cast<float>(options.clip * std::sqrt(variance));
    if (bound > 0) scale = std::min(scale, bound);
  }
  Message message;
  append(message.payload, scale);
  BitWriter codes;
  for (std::size_t i = 0; i < row.v.size(); ++i) {
    const float v = row.v[i];
    const bool sent = scale > 0 && noise_at(row, i) < std::abs(v) / scale;
    codes.bits(!sent ? 0u : std::signbit(v) ? 1u : 2u, 2);
    message.decoded.push_back(sent ? with_sign_of(v, scale) : 0.0f);
  }
  append(message.payload, codes.payload());
  return message;
}

}  // namespace terse::reference
