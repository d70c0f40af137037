// Runs of bits, filling each byte from the lowest bit on: fields of equal width, and numbers in
// unary. They carry the gaps between sparse indices (wire/indices.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/base/bytes.h"

namespace terse::kernels {

constexpr std::size_t bytes_for(std::size_t bits) { return (bits + 7) / 8; }

// Writes the low `width` <= 32 bits of each value, bytes_for(width * count) bytes, padded with zero
// bits.
void write_fields(std::span<const std::uint32_t> values, unsigned width, std::byte* to);

// `count` indices after `first`, each one more than its predecessor plus a field of `width` <= 32
// bits. No function reads past `end`.
struct PackedGaps {
  const std::byte *from, *end;
  std::uint32_t first;
  unsigned width;
  std::uint32_t count;
};
// The last index, which may exceed 2^32.
std::uint64_t last_index_of_gaps(const PackedGaps& gaps);
// All indices, if the last one fits 32 bits.
void read_gaps(const PackedGaps& gaps, std::uint32_t* into);

// Writes `value` zeros and a one for each value, into bytes that are zero.
void write_unary(std::span<const std::uint32_t> values, std::byte* to);

// The same indices as Rice codes: the low `shift` < 32 bits of the gaps are fields at `low`, the
// rest is in unary in [high, end). No function reads past `limit` >= end.
struct RiceGaps {
  const std::byte *low, *high, *end, *limit;
  std::uint32_t first;
  unsigned shift;
  std::uint32_t count;
};
// The last index; 2^32 or more unless [high, end) holds exactly `count` unary numbers.
std::uint64_t last_index_of_rice(const RiceGaps& gaps);
void read_rice(const RiceGaps& gaps, std::uint32_t* into);

}  // namespace terse::kernels
