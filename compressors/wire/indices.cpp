#include "terse/compressors/wire/indices.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "terse/compressors/kernels/cpu/quantize/bits.h"
#include "terse/compressors/wire/index_format.h"

namespace terse {

using index_format::blocks_in;
using index_format::chunks_in;
using index_format::counts_bytes;
using index_format::kCountAt;
using index_format::kHead;
using index_format::kPackedBlock;
using index_format::kRiceBlock;
using index_format::kWord;
using index_format::packed_tables;
using index_format::rice_tables;
using kernels::bytes_for;

namespace {

std::uint8_t rice_shift(std::uint32_t n, std::uint32_t count) {
  if (count == 0) return 0;
  const double mean = std::log2(0.69 * static_cast<double>(n) / static_cast<double>(count));
  return static_cast<std::uint8_t>(std::clamp(std::lround(mean), 0l, 31l));
}

// Calls use(block, rests) for each block of indices; rests has the gaps - 1 of all but the first.
template <std::uint32_t kBlock, class Use>
void each_block(std::span<const std::uint32_t> indices, Use&& use) {
  std::array<std::uint32_t, kBlock> rests;
  for (std::size_t at = 0; at < indices.size(); at += kBlock) {
    const auto block = indices.subspan(at, std::min<std::size_t>(kBlock, indices.size() - at));
    for (std::size_t i = 1; i < block.size(); ++i) rests[i - 1] = block[i] - block[i - 1] - 1;
    use(block, std::span<const std::uint32_t>(rests.data(), block.size() - 1));
  }
}

unsigned width_of(std::span<const std::uint32_t> rests) {
  std::uint32_t any = 0;
  for (const std::uint32_t rest : rests) any |= rest;
  return static_cast<unsigned>(std::bit_width(any));
}

std::size_t unary_bits(std::span<const std::uint32_t> rests, unsigned shift) {
  std::size_t bits = rests.size();
  for (const std::uint32_t rest : rests) bits += rest >> shift;
  return bits;
}

void write_chunk_counts(std::byte* to, std::uint32_t n, std::span<const std::uint32_t> indices) {
  auto at = indices.begin();
  for (std::uint32_t chunk = 0; chunk < chunks_in(n); ++chunk, to += kWord) {
    const auto begin = at;
    at = std::partition_point(at, indices.end(),
                              [&](std::uint32_t i) { return i / kChunk <= chunk; });
    store(to, static_cast<std::uint32_t>(at - begin));
  }
}

std::byte* write_offsets(std::byte* to, std::span<const std::uint32_t> indices) {
  for (const std::uint32_t index : indices) {
    store(to, static_cast<std::uint16_t>(index % kChunk));
    to += sizeof(std::uint16_t);
  }
  return to;
}

std::byte* write_bitmap(std::byte* to, std::uint32_t n, std::span<const std::uint32_t> indices) {
  std::fill_n(to, bytes_for(n), std::byte{0});
  for (const std::uint32_t index : indices)
    to[index / 8] |= static_cast<std::byte>(1u << index % 8);
  return to + bytes_for(n);
}

std::byte* write_packed(std::byte* head, std::span<const std::uint32_t> indices) {
  const auto count = static_cast<std::uint32_t>(indices.size());
  const std::uint32_t blocks = blocks_in(count, kPackedBlock);
  std::byte* first = head + kHead;
  std::byte* width_at = first + kWord * blocks;
  std::byte* body = head + packed_tables(count);
  std::fill(width_at, body, std::byte{0});
  each_block<kPackedBlock>(indices, [&](auto block, std::span<const std::uint32_t> rests) {
    const unsigned width = width_of(rests);
    store(first, block.front());
    *width_at++ = static_cast<std::byte>(width);
    kernels::write_fields(rests, width, body);
    first += kWord;
    body += bytes_for(rests.size() * width);
  });
  return body;
}

std::byte* write_rice(std::byte* head, std::span<const std::uint32_t> indices, unsigned shift) {
  const auto count = static_cast<std::uint32_t>(indices.size());
  const std::size_t blocks = blocks_in(count, kRiceBlock);
  std::byte* table = head + kHead;
  std::byte* const begin = head + rice_tables(count);
  std::byte* body = begin;
  std::array<std::uint32_t, kRiceBlock> high;
  each_block<kRiceBlock>(indices, [&](auto block, std::span<const std::uint32_t> rests) {
    kernels::write_fields(rests, shift, body);
    body += bytes_for(rests.size() * shift);
    std::byte* const end = body + bytes_for(unary_bits(rests, shift));
    std::fill(body, end, std::byte{0});
    for (std::size_t i = 0; i < rests.size(); ++i) high[i] = rests[i] >> shift;
    kernels::write_unary({high.data(), rests.size()}, body);
    body = end;
    store(table, block.front());
    store(table + kWord * blocks, static_cast<std::uint32_t>(body - begin));
    table += kWord;
  });
  return body;
}

}  // namespace

std::size_t index_capacity(std::uint32_t n, std::uint32_t max_entries) {
  const unsigned shift = rice_shift(n, max_entries);
  const std::size_t blocks = blocks_in(max_entries, kRiceBlock);
  // k (s + 1) + n / 2^s bits, and two partial bytes per block.
  const std::size_t rice = rice_tables(max_entries) +
                           bytes_for(std::size_t{max_entries} * (shift + 1) + (n >> shift)) +
                           2 * blocks;
  const std::size_t offsets = counts_bytes(n) + sizeof(std::uint16_t) * std::size_t{max_entries};
  const std::size_t bitmap = counts_bytes(n) + bytes_for(n);
  return round_up(std::min({rice, offsets, bitmap}), kWord);
}

IndexCode code_of(Coding coding, std::uint32_t n, std::span<const std::uint32_t> indices) {
  const auto count = static_cast<std::uint32_t>(indices.size());
  IndexCode code{coding, 0, 0};
  switch (coding) {
    case Coding::offsets:
      code.bytes = counts_bytes(n) + sizeof(std::uint16_t) * indices.size();
      break;
    case Coding::bitmap:
      code.bytes = counts_bytes(n) + bytes_for(n);
      break;
    case Coding::packed:
      code.bytes = packed_tables(count);
      each_block<kPackedBlock>(indices, [&](auto, auto rests) {
        code.bytes += bytes_for(rests.size() * width_of(rests));
      });
      break;
    case Coding::rice:
      code.shift = rice_shift(n, count);
      code.bytes = rice_tables(count);
      each_block<kRiceBlock>(indices, [&](auto, auto rests) {
        code.bytes +=
            bytes_for(rests.size() * code.shift) + bytes_for(unary_bits(rests, code.shift));
      });
      break;
  }
  code.bytes = round_up(code.bytes, kWord);
  return code;
}

IndexCode smallest_code(std::uint32_t n, std::span<const std::uint32_t> indices) {
  IndexCode smallest = code_of(kCodings[0], n, indices);
  for (const Coding coding : kCodings) {
    const IndexCode code = code_of(coding, n, indices);
    if (code.bytes < smallest.bytes) smallest = code;
  }
  return smallest;
}

void write_indices(std::byte* to, std::uint32_t n, std::span<const std::uint32_t> indices,
                   const IndexCode& code) {
  store(to, static_cast<std::uint32_t>(code.coding) | static_cast<std::uint32_t>(code.shift) << 8);
  store(to + kCountAt, static_cast<std::uint32_t>(indices.size()));
  std::byte* end = nullptr;
  switch (code.coding) {
    case Coding::offsets:
      write_chunk_counts(to + kHead, n, indices);
      end = write_offsets(to + counts_bytes(n), indices);
      break;
    case Coding::bitmap:
      write_chunk_counts(to + kHead, n, indices);
      end = write_bitmap(to + counts_bytes(n), n, indices);
      break;
    case Coding::packed:
      end = write_packed(to, indices);
      break;
    case Coding::rice:
      end = write_rice(to, indices, code.shift);
      break;
  }
  std::fill(end, to + code.bytes, std::byte{0});
}

}  // namespace terse
