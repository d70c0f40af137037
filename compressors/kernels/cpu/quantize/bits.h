// Runs of bits, from the lowest of each byte on: fields of equal width, and numbers in unary. They
// carry the gaps of sparse indices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/base/bytes.h"

namespace terse::kernels {

constexpr std::size_t bytes_for(std::size_t bits) { return (bits + 7) / 8; }

// Writes the low `width` <= 32 bits of each value, bytes_for(width * count) bytes, zeros after the
// last.
void write_fields(std::span<const std::uint32_t> values, unsigned width, std::byte* to);

// Fields of width <= 32 say: into[i] = before + 1 + field, where `before` is the value before it,
// and at first `first`. Neither looks past `end`. What the last of them is, which may pass 2^32;
// and all of them, if it does not.
std::uint64_t last_of_gaps(const std::byte* from, const std::byte* end, std::uint32_t first,
                           unsigned width, std::uint32_t count);
void read_gaps(const std::byte* from, const std::byte* end, std::uint32_t first, unsigned width,
               std::uint32_t count, std::uint32_t* into);

// Writes `value` zeros and a one for each value, into bytes that are zero.
void write_unary(std::span<const std::uint32_t> values, std::byte* to);

// Rice codes: the same of gaps whose low `shift` < 32 bits are the fields at `low` and whose rest
// stands in unary in [high, end). If that does not hold it exactly, the last one is past 2^32.
// Neither looks past `limit` >= end.
std::uint64_t last_of_rice(const std::byte* low, const std::byte* high, const std::byte* end,
                           const std::byte* limit, std::uint32_t first, unsigned shift,
                           std::uint32_t count);
void read_rice(const std::byte* low, const std::byte* high, const std::byte* end,
               const std::byte* limit, std::uint32_t first, unsigned shift, std::uint32_t count,
               std::uint32_t* into);

}  // namespace terse::kernels
