#include <algorithm>
#include <bit>
#include <cmath>

#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

unsigned rice_shift(std::uint32_t n, std::size_t k) {
  if (k == 0) return 0;
  const double mean = 0.69 * static_cast<double>(n) / static_cast<double>(k);
  return static_cast<unsigned>(std::max(0.0, std::round(std::log2(mean))));
}

Indices gaps_less_one(const Indices& indices, std::size_t begin, std::size_t end) {
  Indices gaps;
  for (std::size_t i = begin + 1; i < end; ++i) gaps.push_back(indices[i] - indices[i - 1] - 1);
  return gaps;
}

void write_counts(BitWriter& w, std::uint32_t n, const Indices& indices) {
  for (std::size_t begin = 0; begin < n; begin += kChunk) {
    const auto inside = [&](std::uint32_t i) { return i >= begin && i < begin + kChunk; };
    w.bits(static_cast<std::uint64_t>(std::ranges::count_if(indices, inside)), 32);
  }
}

void write_bitmap(BitWriter& w, std::uint32_t n, const Indices& indices) {
  std::vector<bool> map(n);
  for (const std::uint32_t i : indices) map[i] = true;
  for (const bool one : map) w.bit(one);
}

// Writes a block's gaps and returns its entry in the second table.
std::uint64_t write_packed(BitWriter& bodies, const Indices& gaps) {
  const std::uint32_t widest = gaps.empty() ? 0 : std::ranges::max(gaps);
  const auto width = static_cast<unsigned>(std::bit_width(widest));
  for (const std::uint32_t gap : gaps) bodies.bits(gap, width);
  bodies.align(1);
  return width;
}

std::uint64_t write_rice(BitWriter& bodies, const Indices& gaps, unsigned shift) {
  for (const std::uint32_t gap : gaps) bodies.bits(gap, shift);
  bodies.align(1);
  for (const std::uint32_t gap : gaps) {
    for (std::uint32_t i = 0; i < gap >> shift; ++i) bodies.bit(false);
    bodies.bit(true);
  }
  bodies.align(1);
  return bodies.bytes_so_far();
}

void write_blocks(BitWriter& w, Coding coding, const Indices& indices, unsigned shift) {
  const bool packed = coding == Coding::packed;
  const std::size_t block = packed ? 128 : 256;
  BitWriter bodies;
  std::vector<std::uint64_t> second;
  for (std::size_t at = 0; at < indices.size(); at += block) {
    w.bits(indices[at], 32);
    const Indices gaps = gaps_less_one(indices, at, std::min(indices.size(), at + block));
    second.push_back(packed ? write_packed(bodies, gaps) : write_rice(bodies, gaps, shift));
  }
  for (const std::uint64_t entry : second) w.bits(entry, packed ? 8 : 32);
  w.align(4);
  for (const std::byte byte : bodies.payload()) w.bits(static_cast<std::uint64_t>(byte), 8);
}

// Values and their layer use different random numbers.
constexpr std::uint32_t kValuesPhase = 0x100;

Message values_of(const CodecOptions& options, FoldedRow row) {
  const std::string& name = options.values;
  CodecOptions inner = options;
  inner.name = name == "fp32" ? "none" : name;
  if (const std::size_t digits = name.find_last_not_of("0123456789") + 1;
      name.starts_with("maxmin") || name.starts_with("qsgd") || name.starts_with("nuqsgd")) {
    inner.name = name.substr(0, digits);
    row.level = std::stof(name.substr(digits));
  }
  row.key.phase += kValuesPhase;
  row.first = 0;
  return encode(inner, row);
}

}  // namespace

Payload indices_of(Coding coding, std::uint32_t n, const Indices& indices) {
  const unsigned shift = coding == Coding::rice ? rice_shift(n, indices.size()) : 0;
  BitWriter w;
  w.bits(static_cast<std::uint64_t>(coding), 8);
  w.bits(shift, 24);
  w.bits(indices.size(), 32);
  switch (coding) {
    case Coding::offsets:
      write_counts(w, n, indices);
      for (const std::uint32_t i : indices) w.bits(i % kChunk, 16);
      break;
    case Coding::bitmap:
      write_counts(w, n, indices);
      write_bitmap(w, n, indices);
      break;
    case Coding::packed:
    case Coding::rice:
      write_blocks(w, coding, indices, shift);
  }
  w.align(4);
  return w.payload();
}

Payload indices_of(std::uint32_t n, const Indices& indices) {
  Payload smallest;
  for (const Coding coding : kCodings) {
    Payload payload = indices_of(coding, n, indices);
    if (smallest.empty() || payload.size() < smallest.size()) smallest = std::move(payload);
  }
  return smallest;
}

Message sparse(const CodecOptions& options, const FoldedRow& row) {
  const auto n = static_cast<std::uint32_t>(row.v.size());
  const Indices indices = selected_indices(options, row);
  const float factor =
      options.unbiased ? static_cast<float>(n) / static_cast<float>(indices.size()) : 1.0f;
  Floats values;
  for (const std::uint32_t i : indices) values.push_back(factor * row.v[i]);
  FoldedRow inner = row;
  inner.v = values;
  const Message written = values_of(options, inner);
  Message message{indices_of(n, indices), Floats(n)};
  append(message.payload, written.payload);
  // Receivers add the values to zeros.
  for (std::size_t i = 0; i < indices.size(); ++i)
    message.decoded[indices[i]] += written.decoded[i];
  return message;
}

}  // namespace terse::reference
