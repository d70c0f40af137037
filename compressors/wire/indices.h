// How a sparse message encodes which of n elements it holds: k strictly increasing indices, in one
// of four codings. The writer takes the one that is smallest for these indices.
//
//   coding u8 | shift u8 (rice: s; else 0) | zero u16 | count u32 = k | the indices in that coding
//
//   1 offsets  count of each chunk of 65,536 elements, u32 | offsets in their chunks, u16
//   2 bitmap   count of each chunk, u32 | one bit per element, the lowest first, n bits
//   3 packed   first index of each block of 128 indices, u32 | width w of each block, u8, zeros up
//              to 4 bytes | each block's other gaps - 1, w bits each, zeros up to a byte
//   4 rice     first index of each block of 256 indices, u32 | end of each block's bits, u32, from
//              the first block's on | each block: the low s bits of its other gaps - 1, zeros up to
//              a byte, then the high bits of each in unary (that many 0 and a 1), zeros up to a
//              byte
//
// all followed by zeros up to a multiple of 4 bytes. A gap is the distance from an index to its
// predecessor. Little-endian; bits fill bytes from the lowest on. Rice and Plaunt 1971; s =
// round(log2(0.69 n / k)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/base/bytes.h"
#include "terse/compressors/kernels/cpu/quantize/bits.h"
#include "terse/compressors/wire/payload_error.h"

namespace terse {

inline constexpr std::uint32_t kChunk = 65536;

enum class Coding : std::uint8_t { offsets = 1, bitmap = 2, packed = 3, rice = 4 };
inline constexpr Coding kCodings[] = {Coding::offsets, Coding::bitmap, Coding::packed,
                                      Coding::rice};

// How certain indices are coded, and the bytes that they take, including the head.
struct IndexCode {
  Coding coding = Coding::offsets;
  std::uint8_t shift = 0;
  std::size_t bytes = 0;
};

// The maximum size of at most `max_entries` of n indices in their smallest code.
std::size_t index_capacity(std::uint32_t n, std::uint32_t max_entries);
IndexCode code_of(Coding coding, std::uint32_t n, std::span<const std::uint32_t> indices);
IndexCode smallest_code(std::uint32_t n, std::span<const std::uint32_t> indices);
// Writes code.bytes bytes.
void write_indices(std::byte* to, std::uint32_t n, std::span<const std::uint32_t> indices,
                   const IndexCode& code);

// Reads indices that find_error() has accepted. Does not own the payload.
class IndexReader {
 public:
  // Checks the indices at the beginning of a payload: at most `max_entries`, strictly increasing
  // and below n.
  static PayloadError find_error(ConstBytes payload, std::uint32_t n, std::uint32_t max_entries);

  IndexReader(ConstBytes payload, std::uint32_t n);
  std::uint32_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }  // of the payload that the indices take

  void read(std::uint32_t* indices) const;  // all of them

  // Reads the indices within a chunk as offsets from its first element; `into` has room for
  // min(kChunk, count()). They are entries [begin, begin + count) of the message.
  struct Run {
    std::uint32_t begin, count;
  };
  Run read_chunk(std::uint32_t chunk, std::uint32_t* into) const;

 private:
  IndexReader() = default;
  PayloadError parse(ConstBytes payload, std::uint32_t n, std::uint32_t max_entries);
  PayloadError check() const;
  PayloadError check_offsets() const;
  PayloadError check_bitmap() const;
  PayloadError check_blocks() const;

  std::uint32_t word(std::size_t i) const;  // of the table of u32
  std::uint32_t blocks() const;
  std::uint32_t in_block(std::uint32_t block) const;
  std::size_t block_at(std::uint32_t block) const;
  std::size_t block_end(std::uint32_t block, std::size_t at) const;
  unsigned width_of(std::uint32_t block) const;  // of packed gaps
  kernels::PackedGaps packed_gaps(std::uint32_t block, std::size_t at) const;
  kernels::RiceGaps rice_gaps(std::uint32_t block, std::size_t at) const;
  std::uint64_t last_index_of_block(std::uint32_t block, std::size_t at) const;
  void read_block(std::uint32_t block, std::size_t at, std::uint32_t* into) const;
  Run run_of_chunk(std::uint32_t chunk) const;

  ConstBytes payload_;
  std::uint32_t n_ = 0, count_ = 0, block_ = 0;
  Coding coding_ = Coding::offsets;
  unsigned shift_ = 0;
  std::size_t table_ = 0, second_ = 0, body_ = 0, end_ = 0, bytes_ = 0;
};

}  // namespace terse
