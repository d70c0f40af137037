#include <algorithm>

#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

// The sum of the values that are not negative, that of the magnitudes of the others, and both.
struct Sums {
  double above = 0, below = 0, both = 0;
};
Sums sums_of(std::span<const float> v) {
  Sums sums;
  for (std::size_t at = 0; at < v.size(); at += 2048) {
    const auto block = v.subspan(at, std::min<std::size_t>(2048, v.size() - at));
    const float up = sum_above(block), down = sum_below(block);
    sums.above += static_cast<double>(up);
    sums.below += static_cast<double>(down);
    sums.both += static_cast<double>(up + down);
  }
  return sums;
}

float mean(double sum, std::size_t count) {
  return count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
}

// A row whose signs decode to `up` and `down`; `head` is what its payload begins with.
Message signs(std::span<const float> v, float up, float down, std::initializer_list<float> head) {
  Message message;
  if (v.empty()) return message;
  for (const float level : head) append(message.payload, level);
  BitWriter bits;
  for (const float x : v) {
    bits.bit(x < 0);
    message.decoded.push_back(x < 0 ? down : up);
  }
  append(message.payload, bits.payload());
  return message;
}

}  // namespace

Message signsgd(const CodecOptions&, const FoldedRow& row) { return signs(row.v, 1, -1, {1}); }

Message ef_sign(const CodecOptions&, const FoldedRow& row) {
  const float scale = mean(sums_of(row.v).both, row.v.size());
  return signs(row.v, scale, -scale, {scale});
}

Message onebit(const CodecOptions&, const FoldedRow& row) {
  const Sums sums = sums_of(row.v);
  const auto negative =
      static_cast<std::size_t>(std::ranges::count_if(row.v, [](float x) { return x < 0; }));
  const float up = mean(sums.above, row.v.size() - negative), down = -mean(sums.below, negative);
  return signs(row.v, up, down, {up, down});
}

}  // namespace terse::reference
