// The payload of sparse codecs: which elements were sent (indices.h), and then their values as the
// job's value codec writes them (values.h), which for fp32 is one float each. A sparse codec's
// message ends where they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "terse/base/bytes.h"
#include "terse/compressors/value_codec.h"
#include "terse/compressors/wire/indices.h"

namespace terse {

// What is sent of a row: indices in order, the values there, and what receivers decode. All three
// have the same room; the first `count` of each are in use.
struct Entries {
  std::span<std::uint32_t> index;
  std::span<float> value, decoded;
  std::uint32_t count = 0;
  bool taken = false;  // out of the residual, by whoever chose them

  std::span<const std::uint32_t> indices() const { return index.first(count); }
  std::span<const float> values() const { return value.first(count); }
};

// Most bytes of a message of at most `max_entries` of n elements.
std::size_t sparse_capacity(std::uint32_t n, std::uint32_t max_entries, const ValueCodec& values);

// Writes entries' indices and values, and entries.decoded; returns the bytes. Values that cannot be
// held are sent as no entries at all: then nothing is returned, `entries` is empty, and the payload
// holds that, in sparse_empty_bytes().
std::optional<std::size_t> write_sparse(Bytes payload, std::uint32_t n, std::uint64_t layer,
                                        const Key& key, const ValueCodec& values, Entries& entries,
                                        Bytes workspace);
std::size_t sparse_empty_bytes();

// Reads a payload for a row of n elements.
class SparseReader {
 public:
  // What is wrong with a payload, or null: it must be whole, and have at most `max_entries`
  // entries. To be asked first.
  static const char* find_error(ConstBytes payload, std::uint32_t n, std::uint32_t max_entries,
                                const ValueCodec& values);

  // Working memory for one chunk of a message of at most `max_entries` entries.
  struct Memory {
    std::span<std::uint32_t> offsets;
    std::span<float> tile;
    Bytes workspace;
  };
  static std::size_t scratch(std::uint32_t n, std::uint32_t max_entries, const ValueCodec& values);
  static Memory carve(class Scratch& scratch, std::uint32_t n, std::uint32_t max_entries,
                      const ValueCodec& values);

  SparseReader(ConstBytes payload, std::uint32_t n, const ValueCodec& values)
      : indices_(payload, n), values_(values), payload_(payload.subspan(indices_.bytes())) {}
  std::uint32_t count() const { return indices_.count(); }

  // acc[offset] += weight * value for the entries of one chunk, whose first element is acc[0].
  void add_chunk(std::uint32_t chunk, float weight, float* acc, const Memory& memory) const;
  // All entries, into the index and value of `entries`, which have room for them.
  void read(Entries& entries, const Memory& memory) const;

 private:
  // use(i, values): values i to i + values.size() - 1 of [begin, begin + count).
  template <class Use>
  void each_tile(std::uint32_t begin, std::uint32_t count, const Memory& memory, Use&& use) const;

  IndexReader indices_;
  const ValueCodec& values_;
  ConstBytes payload_;
};

}  // namespace terse
