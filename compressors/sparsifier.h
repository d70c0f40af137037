// What the sparse codecs share: they send k of n values unchanged and keep the rest; they differ in
// how they choose. v is written to the place of the residual at once, where that has ev = 1 and ee
// = 0, and corrected where a value was sent; other feedbacks have v in the row's `out`, which
// encode then overwrites. Level: the density k / n, in (0, 1].
#pragma once

#include "terse/compressors/codec.h"
#include "terse/compressors/magnitudes.h"

namespace terse {

// density * n as if the density were the decimal fraction that somebody wrote and not the float
// next to it.
std::uint32_t floor_share(double n, float density);
std::uint32_t ceil_share(double n, float density);

class Sparsifier : public Codec {
 public:
  Traits traits() const override { return {.biased = true, .pattern = Pattern::gathered}; }
  std::size_t capacity(std::uint32_t n, float level) const final;
  std::size_t scratch(std::uint32_t n, float level) const final;
  void check(float level, const Feedback& feedback) const final;
  void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key, Mailbox& out,
              const Exec& exec) const final;
  void decode(std::span<const Row> rows, const Mailbox& in, float weight, const Feedback& own,
              const Exec& exec) const final;

 protected:
  // In order of index: every magnitude above the threshold and the first `ties` equal to it, until
  // there are `count`.
  struct Choice {
    std::uint32_t threshold, ties, count;
  };
  struct Memory {
    std::span<float> block;
    std::span<std::uint32_t> bins, samples;
  };

  // The most entries that a row of n elements sends; 0 for n = 0.
  virtual std::uint32_t most(std::uint32_t n, float level) const = 0;
  // How many samples choose() takes.
  virtual std::size_t samples(std::uint32_t n, float level) const = 0;
  virtual Choice choose(const Magnitudes& v, const Row& row, const Key& key,
                        const Memory& memory) const = 0;

 private:
  std::size_t encode_row(const Row& row, const Feedback& feedback, const Key& key, Bytes payload,
                         const Memory& memory, Pace& pace, bool& good) const;
  void decode_row(const Row& row, const Mailbox& in, float weight, const Feedback& own,
                  const Exec& exec, Pace& pace) const;
};

}  // namespace terse
