// Codecs of fixed size whose elements stand in order: a pass goes tile by tile, and all that it
// does to a tile (fold, encode, residual; or the sum of all ranks) happens in the first-level
// cache. A codec says how one tile is written and read.
#pragma once

#include "terse/compressors/codec.h"

namespace terse {

class BlockCodec : public Codec {
 public:
  std::size_t scratch(std::uint32_t n, float level) const final;
  void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key, Mailbox& out,
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
  const char* run_contradiction(const Row& run, ConstBytes payload) const;
  void decode_run(const Row& run, std::uint32_t at, ConstBytes payload, std::span<float> into,
                  Bytes workspace) const;

 protected:
  // Elements [at, at + count) of a row; `at` is a multiple of tile(), count at most that and less
  // only at the row's end.
  struct Tile {
    const Row& row;
    std::uint32_t at, count;
    Bytes workspace;  // 2 bytes an element, up to a multiple of 8 elements; 64-byte aligned
  };

  // Elements of a tile, a multiple of traits().block and of 8.
  virtual std::uint32_t tile() const = 0;
  // The bits of the smallest |v| that makes a row bad.
  virtual std::uint32_t limit() const = 0;
  // Writes the tile's part of the row's payload, and its decoded values unless dec is null. False:
  // it cannot hold them. A payload of zeros must be valid and decode to zeros.
  virtual bool encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                           float* dec) const = 0;
  // acc = decoded, or acc += decoded.
  virtual void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const = 0;
  // What is wrong with a payload of the right size, or null. Nothing else reads a payload before
  // this.
  virtual const char* contradiction(const Row&, ConstBytes) const { return nullptr; }

 private:
  struct Memory;
  Memory carve(std::span<const Row> rows, const Exec& exec) const;
  std::size_t tile_for(std::size_t n) const;
  void check_payloads(const Row& row, std::size_t index, const Mailbox& in) const;
};

}  // namespace terse
