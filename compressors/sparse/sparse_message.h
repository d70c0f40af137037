// The payload of sparse codecs: the indices of the sent elements (wire/indices.h), then their
// values as the job's value codec writes them (value_codec.h); for fp32, one float each. The
// message ends with the last value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "terse/base/bytes.h"
#include "terse/compressors/value_codec.h"
#include "terse/compressors/wire/indices.h"

namespace terse {

// The sent elements of a row: indices in order, their values, and the values that receivers decode.
// All three have the same capacity; the first `count` of each are in use. Does not own the memory.
struct Entries {
  std::span<std::uint32_t> index;
  std::span<float> value, decoded;
  std::uint32_t count = 0;
  bool subtracted = false;  // from the residual, by the selection

  std::span<const std::uint32_t> indices() const { return index.first(count); }
  std::span<const float> values() const { return value.first(count); }
};

// The maximum size of a message of at most `max_entries` of n elements.
std::size_t sparse_capacity(std::uint32_t n, std::uint32_t max_entries, const ValueCodec& values);

// A message that was written: its length, and whether the values could be encoded.
struct SparseMessage {
  std::size_t bytes = 0;
  RowStatus status = RowStatus::good;
};

// Writes the indices and values of `entries`, and entries.decoded. If the values cannot be encoded,
// clears `entries` and writes a message without entries.
[[nodiscard]] SparseMessage write_sparse(Bytes payload, std::uint32_t n, std::uint64_t layer,
                                         const Key& key, const ValueCodec& values, Entries& entries,
                                         Bytes workspace);

// Reads a payload for a row of n elements; find_error() must have accepted it. Does not own it.
class SparseReader {
 public:
  // Checks that a payload is complete and has at most `max_entries` entries.
  static PayloadError find_error(ConstBytes payload, std::uint32_t n, std::uint32_t max_entries,
                                 const ValueCodec& values);

  // Working memory for one chunk of a message of at most `max_entries` entries.
  struct Workspace {
    std::span<std::uint32_t> offsets;
    std::span<float> tile;
    Bytes values;
  };
  static std::size_t scratch(std::uint32_t n, std::uint32_t max_entries, const ValueCodec& values);
  static Workspace carve(class Scratch& scratch, std::uint32_t n, std::uint32_t max_entries,
                         const ValueCodec& values);

  SparseReader(ConstBytes payload, std::uint32_t n, const ValueCodec& values)
      : indices_(payload, n), values_(values), payload_(payload.subspan(indices_.bytes())) {}
  std::uint32_t count() const { return indices_.count(); }

  // acc[offset] += weight * value for the entries of one chunk, whose first element is acc[0].
  void add_chunk(std::uint32_t chunk, float weight, float* acc, const Workspace& workspace) const;
  // Reads all entries into the index and value of `entries`, which have room for them.
  void read(Entries& entries, const Workspace& workspace) const;

 private:
  // Calls use(i, values) with consecutive runs of values: i is their offset in [begin, begin +
  // count).
  template <class Use>
  void each_tile(std::uint32_t begin, std::uint32_t count, const Workspace& workspace,
                 Use&& use) const;

  IndexReader indices_;
  const ValueCodec& values_;
  ConstBytes payload_;
};

}  // namespace terse
