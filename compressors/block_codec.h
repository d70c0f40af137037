// Codecs of fixed size whose elements stand in order: a pass goes tile by tile, and all that it
// does to a tile (fold, encode, residual; or the sum of all ranks) happens in the first-level
// cache. A codec says how one tile is written and read.
#pragma once

#include <array>
#include <optional>

#include "terse/compressors/codec.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/quantize/quantize.h"
#include "terse/compressors/pass.h"

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

  // A run of values outside any frame, such as a sparse message carries: `run` says its layer,
  // first, n and level. `tile` is a part of it that begins at a multiple of run_tile() and has no
  // more elements; workspace: 2 bytes an element of a tile, 64-byte aligned.
  std::uint32_t run_tile() const { return tile(); }
  // Writes capacity(n, level) bytes and the decoded values; dec and v do not overlap. False: it
  // cannot hold them.
  bool encode_run(const Row& run, const Key& key, std::span<const float> v, Bytes payload,
                  std::span<float> dec, Bytes workspace) const;
  // What is wrong with a payload, or null. To be asked first.
  const char* find_run_error(const Row& run, ConstBytes payload) const;
  void decode_run(const Row& run, std::uint32_t at, ConstBytes payload, std::span<float> into,
                  Bytes workspace) const;

 protected:
  // Elements [at, at + count) of a row; `at` is a multiple of tile(), count at most that and less
  // only at the row's end.
  struct Tile {
    const Row& row;
    std::uint32_t at, count;
    Bytes workspace;  // 2 bytes an element, up to a multiple of 8 elements; 64-byte aligned
    const kernels::Fold* fold = nullptr;  // gave its v and knows ranges; null: none was asked
  };

  // Where a tile's decoded values go: nowhere, to `to`, or to `to` as v - decoded.
  struct DecodeSink {
    kernels::DecodeOutput what;
    float* to;
  };
  // What a codec whose scale is of the whole row learns in a pass of its own before it encodes.
  // `sums` is of sums over blocks, which a codec makes in fp32.
  struct RowStatistics {
    std::array<double, 2> sums{};
    std::array<std::uint64_t, 2> counts{};
    float peak = 0;
  };

  // Elements of a tile, a multiple of traits().block and of 8.
  virtual std::uint32_t tile() const = 0;
  // The bits of the smallest |v| that makes a row bad.
  virtual std::uint32_t limit() const = 0;
  // Whether encode_tile() asks its fold for ranges; a tile then has at most kernels::kBlock
  // elements.
  virtual bool wants_ranges() const { return false; }
  // Adds a tile to the statistics of `row`; write_scale() writes what follows from it into the
  // payload, or says false: it cannot hold the row. Called only where needs_statistics(row).
  virtual bool needs_statistics(const Row&) const { return false; }
  virtual void add_statistics(const float*, std::uint32_t, RowStatistics&) const {}
  virtual bool write_scale(const Row&, const RowStatistics&, Bytes) const { return true; }
  // Writes the tile's part of the row's payload, and its decoded values. False: it cannot hold
  // them. A payload of zeros must be valid and decode to zeros.
  virtual bool encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                           DecodeSink kept) const = 0;
  // acc = decoded, or acc += decoded.
  virtual void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const = 0;
  // out = weight * (base + decoded), of at most a tile; out may be base. The last step of a sum,
  // for codecs that do better than decode_tile() and a multiplication; false: this one does not.
  virtual bool finish_tile(const Tile&, ConstBytes, const float*, float, float*) const {
    return false;
  }
  // What is wrong with a payload of the right size, or null. Nothing else reads a payload before
  // this.
  virtual const char* find_error(const Row&, ConstBytes) const { return nullptr; }

  // The scale that follows from a statistics, for codecs that share it.
  virtual float scale_of(const Row&, const RowStatistics&) const { return 0; }

 private:
  struct Memory;
  Memory carve(std::span<const Row> rows, const Exec& exec) const;
  std::size_t tile_for(std::size_t n) const;
  bool encode_row(const Row& row, const Feedback& feedback, const Key& key, const Memory& memory,
                  Bytes payload, Pace& pace) const;
  std::optional<RowStatistics> collect_statistics(const Row& row, const Feedback& feedback,
                                                  const Memory& memory, Pace& pace) const;
  void check_payloads(const Row& row, std::size_t index, const Mailbox& in) const;
};

}  // namespace terse
