#include "terse/compressors/sparse.h"

#include <algorithm>

namespace terse {
namespace {

constexpr std::uint8_t kKind = 1;
constexpr std::size_t kCountAt = 4, kHead = 8;

std::uint32_t chunks_in(std::uint32_t n) {
  return static_cast<std::uint32_t>((std::size_t{n} + kChunk - 1) / kChunk);
}

}  // namespace

SparseLayout::SparseLayout(std::uint32_t n, std::uint32_t count)
    : chunks(chunks_in(n)),
      counts(kHead),
      offsets(counts + std::size_t{chunks} * sizeof(std::uint32_t)),
      values(offsets + round_up(std::size_t{count} * sizeof(std::uint16_t), 4)),
      bytes(values + std::size_t{count} * sizeof(float)) {}

SparseWriter::SparseWriter(Bytes payload, std::uint32_t n, std::uint32_t count)
    : payload_(payload), layout_(n, count) {
  store(payload.data(), std::uint32_t{kKind});
  store(payload.data() + kCountAt, count);
  if (count % 2 == 1)
    store(payload.data() + layout_.values - sizeof(std::uint16_t), std::uint16_t{0});
}

void SparseWriter::close_chunks(std::uint32_t until) {
  for (; chunk_ < until; ++chunk_) {
    store(payload_.data() + layout_.counts + chunk_ * sizeof(std::uint32_t),
          written_ - chunk_begin_);
    chunk_begin_ = written_;
  }
}

void SparseWriter::add(std::uint32_t index, float value) {
  if (const std::uint32_t chunk = index / kChunk; chunk != chunk_) close_chunks(chunk);
  store(payload_.data() + layout_.offsets + written_ * sizeof(std::uint16_t),
        static_cast<std::uint16_t>(index % kChunk));
  store(payload_.data() + layout_.values + written_ * sizeof(float), value);
  ++written_;
}

void SparseWriter::finish() { close_chunks(layout_.chunks); }

const char* SparseReader::contradiction(ConstBytes payload, std::uint32_t n, std::uint32_t most) {
  if (payload.size() < kHead) return "it is shorter than its own head";
  if (load<std::uint32_t>(payload.data()) != kKind)
    return "its indices are written in an unknown way";
  const auto count = load<std::uint32_t>(payload.data() + kCountAt);
  if (count > most) return "it has more entries than its density allows";
  const SparseLayout layout(n, count);
  if (payload.size() != layout.bytes) return "its length does not fit its number of entries";
  const std::byte* const offsets = payload.data() + layout.offsets;
  std::uint32_t at = 0;
  for (std::uint32_t chunk = 0; chunk < layout.chunks; ++chunk) {
    const auto in_chunk =
        load<std::uint32_t>(payload.data() + layout.counts + chunk * sizeof(std::uint32_t));
    if (in_chunk > count - at) return "its chunks have more entries than it has";
    const std::uint32_t elements = std::min(kChunk, n - chunk * kChunk);
    std::uint32_t least = 0;
    for (const std::uint32_t end = at + in_chunk; at < end; ++at) {
      const std::uint32_t offset = load<std::uint16_t>(offsets + at * sizeof(std::uint16_t));
      if (offset < least || offset >= elements)
        return "an index is out of order or past the end of the row";
      least = offset + 1;
    }
  }
  if (at != count) return "its chunks have fewer entries than it has";
  if (count % 2 == 1 && load<std::uint16_t>(offsets + count * sizeof(std::uint16_t)) != 0)
    return "its padding is not zero";
  return nullptr;
}

SparseReader::SparseReader(ConstBytes payload, std::uint32_t n)
    : payload_(payload), layout_(n, load<std::uint32_t>(payload.data() + kCountAt)) {}

std::uint32_t SparseReader::count_of(std::uint32_t chunk) const {
  return load<std::uint32_t>(payload_.data() + layout_.counts + chunk * sizeof(std::uint32_t));
}

void SparseReader::add_chunk(std::uint32_t chunk, float weight, float* acc) const {
  std::uint32_t at = 0;
  for (std::uint32_t before = 0; before < chunk; ++before) at += count_of(before);
  for (const std::uint32_t end = at + count_of(chunk); at < end; ++at) {
    const auto offset =
        load<std::uint16_t>(payload_.data() + layout_.offsets + at * sizeof(std::uint16_t));
    acc[offset] += weight * load<float>(payload_.data() + layout_.values + at * sizeof(float));
  }
}

}  // namespace terse
