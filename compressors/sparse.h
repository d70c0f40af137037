// The payload of sparse codecs: which elements were sent, and their values.
//
//   kind u8 = 1 | zero u8 x 3 | count u32 | count of each chunk of 65,536 elements, u32 | offsets
//   in their chunks, u16, strictly increasing, padded with zeros to 4 bytes | values, f32
//
// `kind` says how the indices are written; this is the one kind so far.
#pragma once

#include <cstddef>
#include <cstdint>

#include "terse/base/bytes.h"

namespace terse {

inline constexpr std::uint32_t kChunk = 65536;

// Where the parts of a payload begin, for `count` of n elements.
struct SparseLayout {
  SparseLayout(std::uint32_t n, std::uint32_t count);
  std::uint32_t chunks;
  std::size_t counts, offsets, values, bytes;
};

// Writes `count` entries, in the order of their indices. The payload has layout.bytes bytes.
class SparseWriter {
 public:
  SparseWriter(Bytes payload, std::uint32_t n, std::uint32_t count);
  void add(std::uint32_t index, float value);  // exactly `count` times
  void finish();

 private:
  void close_chunks(std::uint32_t until);

  Bytes payload_;
  SparseLayout layout_;
  std::uint32_t written_ = 0;
  std::uint32_t chunk_ = 0, chunk_begin_ = 0;  // the chunk being written, and the entries before it
};

// Reads a payload for a row of n elements.
class SparseReader {
 public:
  // What is wrong with a payload, or null: it must be whole, and have at most `most` entries. To be
  // asked first.
  static const char* contradiction(ConstBytes payload, std::uint32_t n, std::uint32_t most);

  SparseReader(ConstBytes payload, std::uint32_t n);
  // acc[offset] += weight * value for the entries of one chunk, whose first element is acc[0].
  void add_chunk(std::uint32_t chunk, float weight, float* acc) const;

 private:
  std::uint32_t count_of(std::uint32_t chunk) const;

  ConstBytes payload_;
  SparseLayout layout_;
};

}  // namespace terse
