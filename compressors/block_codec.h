// Base of the codecs whose messages have a fixed size and hold the elements in order. A pass goes
// tile by tile, and everything that it does to a tile (fold, encode, residual; or the sum of all
// ranks) happens in the L1 cache. A codec defines how one tile is written and read.
#pragma once

#include <array>

#include "terse/compressors/codec.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/quantize/decode_sink.h"
#include "terse/compressors/pass.h"
#include "terse/compressors/wire/payload_error.h"

namespace terse {

class BlockCodec : public Codec {
 public:
  std::size_t scratch(std::uint32_t n, float level) const final;
  void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key, Mailbox& out,
              const Exec& exec) const final;
  void measure(std::span<const Row> rows, const Feedback& feedback, std::span<float> scales,
               const Exec& exec) const final;
  void decode(std::span<const Row> rows, const Mailbox& in, float weight, const Feedback& own,
              const Exec& exec) const final;

  // Elements of a tile, a multiple of traits().block and of 8.
  virtual std::uint32_t tile_size() const = 0;

  // Values outside any frame, such as a sparse message carries. `run` has their layer, first, n and
  // level; `workspace` has 2 bytes per element of a tile and is 64-byte aligned.
  //
  // Writes capacity(n, level) bytes and the decoded values; dec and v do not overlap.
  RowStatus encode_values(const Row& run, const Key& key, std::span<const float> v, Bytes payload,
                          std::span<float> dec, Bytes workspace) const;
  // Must be called before decode_values().
  PayloadError find_values_error(const Row& run, ConstBytes payload) const;
  // Decodes values [at, at + into.size()): `at` is a multiple of tile_size(), which is also the
  // most values.
  void decode_values(const Row& run, std::uint32_t at, ConstBytes payload, std::span<float> into,
                     Bytes workspace) const;

 protected:
  using DecodeSink = kernels::DecodeSink;

  // Elements [at, at + count) of a row. `at` is a multiple of tile_size(); count is tile_size(), or
  // less at the row's end.
  struct Tile {
    const Row& row;
    std::uint32_t at, count;
    Bytes workspace;  // 2 bytes per element, up to a multiple of 8 elements; 64-byte aligned
    const kernels::Fold* fold = nullptr;  // knows the ranges of v; null unless wants_ranges()
  };

  // Collected in a pass of its own by codecs whose scale depends on the whole row. `sums` adds up
  // sums over blocks, each computed in fp32.
  struct RowStatistics {
    std::array<double, 2> sums{};
    std::array<std::uint64_t, 2> counts{};
    float peak = 0;
  };

  // The bits of the smallest |v| that makes a row bad.
  virtual std::uint32_t limit() const = 0;
  // Whether encode_tile() uses the ranges of tile.fold; a tile then has at most kernels::kBlock
  // elements.
  virtual bool wants_ranges() const { return false; }

  // Whether a row needs RowStatistics before it is encoded. If so, add_statistics() adds a tile's,
  // and write_scale() writes the resulting scale into the payload.
  virtual bool needs_statistics(const Row&) const { return false; }
  virtual void add_statistics(const float*, std::uint32_t, RowStatistics&) const {}
  virtual RowStatus write_scale(const Row&, const RowStatistics&, Bytes) const {
    return RowStatus::good;
  }
  // The scale that follows from the statistics, for codecs that share it.
  virtual float scale_of(const Row&, const RowStatistics&) const { return 0; }

  // Writes the tile's part of the row's payload, and its decoded values into `sink`. A payload of
  // zeros must be valid and decode to zeros.
  virtual RowStatus encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                                DecodeSink sink) const = 0;
  // acc = decoded, or acc += decoded.
  virtual void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const = 0;
  // The last step of a sum: out = weight * (base + decoded) for one tile; out may be base. Returns
  // false if the codec has no fused version of decode_tile() and the multiplication.
  virtual bool finish_tile(const Tile&, ConstBytes, const float*, float, float*) const {
    return false;
  }
  // Checks a payload of the right size before anything else reads it.
  virtual PayloadError find_error(const Row&, ConstBytes) const { return {}; }

 private:
  struct Workspace;
  Workspace carve(std::span<const Row> rows, const Exec& exec) const;
  std::size_t elements_for(std::size_t n) const;
  RowStatus encode_row(const Row& row, const Feedback& feedback, const Key& key,
                       const Workspace& workspace, Bytes payload, ProgressMeter& progress) const;
  RowStatus collect_statistics(const Row& row, const Feedback& feedback, const Workspace& workspace,
                               ProgressMeter& progress, RowStatistics& result) const;
  void check_payloads(const Row& row, std::size_t index, const Mailbox& in) const;
};

}  // namespace terse
