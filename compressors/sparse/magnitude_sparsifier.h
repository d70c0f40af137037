// Sparse codecs that send the largest values of a row. All take one pass in the common case: a
// threshold is guessed from samples of what the fold will give, and the fold collects what reaches
// it; the choice is then made among those, and the row is looked at again only where the guess was
// bad.
#pragma once

#include "terse/compressors/kernels/cpu/select/collect.h"
#include "terse/compressors/sparse/magnitudes.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

class MagnitudeSparsifier : public Sparsifier {
 public:
  using Sparsifier::Sparsifier;
  std::uint32_t capacity_entries(std::uint32_t n, float level) const final;
  bool select(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
              const Memory& memory, Pace& pace) const final {
    return run(row, feedback, key, entries, memory, pace, false);
  }
  bool take(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
            const Memory& memory, Pace& pace) const final {
    return run(row, feedback, key, entries, memory, pace, true);
  }

 protected:
  // In order of index: every magnitude above the threshold and the first `ties` equal to it, until
  // there are `count`.
  struct Choice {
    std::uint32_t threshold, ties, count;
  };

  // Before a row is folded: the magnitude that may be the least one sent, and the one from which on
  // the fold collects, so that a threshold which must be lower is still among what was collected.
  struct Guess {
    std::uint32_t threshold, floor;
  };

  // What the fold took out of the residual before it was known what is sent: the collected entries
  // from a magnitude on.
  class ResidualUndo {
   public:
    // Of a row whose first entries were collected.
    ResidualUndo(float* residual, const Entries& entries, std::size_t collected, std::uint32_t from)
        : residual_(residual), entries_(entries), collected_(collected), from_(from) {}

    bool any() const { return from_ != kernels::Collected::kTakesNothing; }
    // Puts everything back; the entries must still be as they were collected.
    void give_back();
    // Corrects one entry, once it is known whether it is sent.
    void settle(std::uint32_t index, float value, std::uint32_t magnitude, bool sent) const {
      const bool undo = magnitude >= from_;
      if (sent != undo && magnitude > 0) residual_[index] = sent ? 0.0f : value;
    }

   private:
    float* residual_;
    const Entries& entries_;
    std::size_t collected_;
    std::uint32_t from_;
  };

  // A folded row of which everything from the guess's floor on has been collected. Whoever looks
  // past that gives back what was taken.
  class Candidates {
   public:
    Candidates(const Magnitudes& row, const Magnitudes& collected, Guess guess, std::uint32_t peak,
               std::uint32_t count, bool whole, std::span<std::uint32_t> bins, ResidualUndo& undo)
        : row_(row),
          collected_(collected),
          guess_(guess),
          peak_(peak),
          count_(count),
          whole_(whole),
          bins_(bins),
          undo_(undo) {}

    std::uint32_t threshold() const { return guess_.threshold; }
    std::uint32_t floor() const { return guess_.floor; }
    std::uint32_t count() const { return count_; }  // from the floor on
    std::uint32_t count_at_least(std::uint32_t threshold) const {
      return (holds(threshold) ? collected_ : row()).count_at_least(threshold);
    }
    // Whether all magnitudes from the threshold on are among the collected ones.
    bool holds(std::uint32_t threshold) const { return whole_ && threshold >= guess_.floor; }
    const Magnitudes& row() const {
      undo_.give_back();
      return row_;
    }
    // The k largest of the row, the lower index first among equals.
    Choice largest(std::uint32_t k) const;
    // All from the floor on, but no more than the `max_entries` largest.
    Choice all(std::uint32_t max_entries) const;

   private:
    const Magnitudes& row_;
    const Magnitudes& collected_;
    Guess guess_;
    std::uint32_t peak_;  // the largest of the row
    std::uint32_t count_;
    bool whole_;  // all that were counted are at hand
    std::span<std::uint32_t> bins_;
    ResidualUndo& undo_;
  };

  virtual Guess guess(const Row& row, const Feedback& feedback, const Key& key,
                      const Memory& memory) const = 0;
  virtual Choice choose(const Candidates& candidates, const Row& row) const = 0;

 private:
  bool run(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
           const Memory& memory, Pace& pace, bool takes) const;
};

// Even samples from a random start on, as DGC takes them: at least `count` of them, `stride` apart.
struct Sampling {
  std::uint32_t stride, count;

  // At least the share `ratio` of n, and enough that two are expected to be sent.
  static Sampling of(std::uint32_t n, float density, double ratio);
  bool whole() const { return stride == 1; }
  std::size_t capacity_entries(std::uint32_t n) const;  // the most samples that any start gives
  // The samples' magnitudes as floats, in the first elements of `memory`. Of `together` neighbors
  // at a time there are about as many, and a fraction of the cache misses; `count` must be at least
  // twice that, so that they are inside the row.
  std::span<const float> take(const Row& row, const Feedback& feedback, const Key& key,
                              std::span<float> memory, std::size_t together = 1) const;
  // How many of the samples make up the row's share.
  std::uint32_t share(const Row& row) const;
};

// The k-th largest of some magnitudes, from `floor` on alone, of which there must be as many; k >=
// 1, and `bins` has kBins elements. Fast where it is within a few octaves of the largest.
std::uint32_t kth_largest_of(std::span<const float> magnitudes, std::size_t k, std::uint32_t floor,
                             std::span<std::uint32_t> bins);

// Throws JobError unless it is a share that the codec `name` can sample.
void check_sample_ratio(std::string_view name, double ratio);

}  // namespace terse
