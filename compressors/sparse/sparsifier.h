// What the sparse codecs share: they send k of n values, written by a value codec, and keep the
// rest with what its rounding lost; they differ in how they choose. A pass over a row has parts
// that exchanges with several rounds use one by one: select, pack, subtract_sent. Level: the
// density k / n, in (0, 1].
#pragma once

#include "terse/compressors/codec.h"
#include "terse/compressors/pass.h"
#include "terse/compressors/sparse/sparse_message.h"

namespace terse {

// density * n as if the density were the decimal fraction that somebody wrote and not the float
// next to it.
std::uint32_t floor_share(double n, float density);
std::uint32_t ceil_share(double n, float density);
// max(1, floor_share) of n elements, and none of none.
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
  // The room that select() wants for its entries, at least max_entries().
  virtual std::uint32_t capacity_entries(std::uint32_t n, float level) const {
    return max_entries(n, level);
  }

  // Working memory of select() and pack() for a row, and of the entries.
  struct Memory {
    std::span<float> block;
    std::span<std::uint32_t> bins, words;
    Bytes workspace;

    std::span<float> samples() const {
      return {reinterpret_cast<float*>(words.data()), words.size()};
    }
  };
  Memory carve(Scratch& scratch, std::uint32_t n, float level) const;
  Entries carve_entries(Scratch& scratch, std::uint32_t n, float level) const;
  std::size_t entries_bytes(std::uint32_t n, float level) const;

  // Folds the row, writes its velocity and its residual as if nothing were sent, and says what is
  // to be: indices and values. False: a value is not finite, and nothing is to be sent.
  virtual bool select(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
                      const Memory& memory, Pace& pace) const = 0;
  // The same for a caller that sends all that is chosen: what is sent may leave the residual on the
  // way, while it is in a cache; entries.taken says whether it did.
  virtual bool take(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
                    const Memory& memory, Pace& pace) const {
    return select(row, feedback, key, entries, memory, pace);
  }
  // As select() where the indices, entries.count of them, are given: value = factor * v there.
  static bool gather(const Row& row, const Feedback& feedback, float factor, Entries& entries,
                     const Memory& memory, Pace& pace);
  // Writes the message and entries.decoded; returns its bytes. A value that cannot be held makes
  // the row bad, and nothing is sent.
  std::size_t pack(const Row& row, const Key& key, Entries& entries, Bytes payload,
                   const Memory& memory, bool& good) const;
  // What was sent leaves the residual if it is still there, and the velocity where the feedback
  // says so.
  static void subtract_sent(const Row& row, const Feedback& feedback, const Entries& entries);

 protected:
  // How many words of working memory select() wants.
  virtual std::size_t samples(std::uint32_t n, float level) const = 0;

 private:
  void decode_row(const Row& row, const Mailbox& in, float weight, const Feedback& own,
                  const Exec& exec, Pace& pace) const;

  ValueCodec values_;
};

}  // namespace terse
