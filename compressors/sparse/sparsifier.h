// Base of the sparse codecs: they send k of n values, written by a value codec, and keep the others
// and the values' rounding in the residual; they differ in how they select. Exchanges with several
// rounds use the parts of a pass one by one: select, pack, subtract_sent. Level: the density k / n,
// in (0, 1].
#pragma once

#include "terse/compressors/codec.h"
#include "terse/compressors/pass.h"
#include "terse/compressors/sparse/sparse_message.h"

namespace terse {

// density * n, rounded as if the density were the decimal fraction that was written and not the
// nearest float.
std::uint32_t floor_share(double n, float density);
std::uint32_t ceil_share(double n, float density);
// max(1, floor_share) for n > 0, else 0.
std::uint32_t largest_share(std::uint32_t n, float density);

class Sparsifier : public Codec {
 public:
  explicit Sparsifier(ValueCodec values) : values_(std::move(values)) {}
  Traits traits() const override { return {.biased = true, .pattern = Pattern::all_gather}; }
  std::size_t capacity(std::uint32_t n, float level) const final;
  std::size_t scratch(std::uint32_t n, float level) const final;
  void check(float level, const Feedback& feedback) const override;
  void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key, Mailbox& out,
              const Exec& exec) const final;
  void decode(std::span<const Row> rows, const Mailbox& in, float weight, const Feedback& own,
              const Exec& exec) const final;

  const ValueCodec& values() const { return values_; }
  // The most entries that a row of n elements sends; 0 for n = 0.
  virtual std::uint32_t max_entries(std::uint32_t n, float level) const = 0;
  // The capacity that select() needs in its entries, at least max_entries().
  virtual std::uint32_t capacity_entries(std::uint32_t n, float level) const {
    return max_entries(n, level);
  }

  // Working memory of select() and pack() for one row.
  struct Workspace {
    std::span<float> block;
    std::span<std::uint32_t> bins, words;
    Bytes values;

    std::span<float> samples() const {
      return {reinterpret_cast<float*>(words.data()), words.size()};
    }
  };
  Workspace carve(Scratch& scratch, std::uint32_t n, float level) const;
  Entries carve_entries(Scratch& scratch, std::uint32_t n, float level) const;
  std::size_t entries_bytes(std::uint32_t n, float level) const;

  // Folds the row, writes its velocity and its residual as if nothing were sent, and returns the
  // indices and values to send in `entries`. If the row is bad, `entries` must not be sent.
  virtual RowStatus select(const Row& row, const Feedback& feedback, const Key& key,
                           Entries& entries, const Workspace& workspace,
                           ProgressMeter& progress) const = 0;
  // The same for callers that send all selected entries: may subtract them from the residual while
  // it is cached, and sets entries.subtracted if it did.
  virtual RowStatus select_and_subtract(const Row& row, const Feedback& feedback, const Key& key,
                                        Entries& entries, const Workspace& workspace,
                                        ProgressMeter& progress) const {
    return select(row, feedback, key, entries, workspace, progress);
  }
  // Like select() with given indices, entries.count of them: sets value = factor * v.
  static RowStatus gather(const Row& row, const Feedback& feedback, float factor, Entries& entries,
                          const Workspace& workspace, ProgressMeter& progress);
  // Writes the message and entries.decoded. If a value cannot be encoded, clears `entries` and
  // writes a message without entries.
  [[nodiscard]] SparseMessage pack(const Row& row, const Key& key, Entries& entries, Bytes payload,
                                   const Workspace& workspace) const;
  // Subtracts the sent values from the residual unless that was done, and clears their velocity if
  // the feedback asks for it.
  static void subtract_sent(const Row& row, const Feedback& feedback, const Entries& entries);

 protected:
  // The number of words of Workspace::words that select() needs.
  virtual std::size_t workspace_words(std::uint32_t n, float level) const = 0;

 private:
  void decode_row(const Row& row, const Mailbox& in, float weight, const Feedback& own,
                  const Exec& exec, ProgressMeter& progress) const;

  ValueCodec values_;
};

}  // namespace terse
