// Sizes of the parts of coded indices (indices.h), shared by their writer and their reader.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/base/bytes.h"
#include "terse/compressors/wire/indices.h"

namespace terse::index_format {

inline constexpr std::size_t kCountAt = 4, kHead = 8, kWord = 4;
inline constexpr std::uint32_t kPackedBlock = 128, kRiceBlock = 256;
inline constexpr unsigned kWidest = 32;

inline std::uint32_t chunks_in(std::uint32_t n) {
  return static_cast<std::uint32_t>((std::size_t{n} + kChunk - 1) / kChunk);
}

inline std::uint32_t blocks_in(std::uint32_t count, std::uint32_t block) {
  return static_cast<std::uint32_t>((std::size_t{count} + block - 1) / block);
}

inline std::size_t counts_bytes(std::uint32_t n) { return kHead + kWord * chunks_in(n); }

inline std::size_t packed_tables(std::uint32_t count) {
  const std::size_t blocks = blocks_in(count, kPackedBlock);
  return kHead + kWord * blocks + round_up(blocks, kWord);
}

inline std::size_t rice_tables(std::uint32_t count) {
  return kHead + 2 * kWord * blocks_in(count, kRiceBlock);
}

}  // namespace terse::index_format
