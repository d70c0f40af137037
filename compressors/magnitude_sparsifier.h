// Sparse codecs that send the largest values of a row. All take one pass in the common case: a
// threshold is guessed from samples of what the fold will give, and the fold collects what reaches
// it; the choice is then made among those, and the row is looked at again only where the guess was
// bad.
#pragma once

#include "terse/compressors/magnitudes.h"
#include "terse/compressors/sparsifier.h"

namespace terse {

class MagnitudeSparsifier : public Sparsifier {
 public:
  using Sparsifier::Sparsifier;
  std::uint32_t room(std::uint32_t n, float level) const final;
  bool select(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
              const Memory& memory, Pace& pace) const final;

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

  // A folded row of which everything from the guess's floor on has been collected.
  class Found {
   public:
    Found(const Magnitudes& row, const Magnitudes& collected, Guess guess, std::uint32_t count,
          bool whole, std::span<std::uint32_t> bins)
        : row_(row),
          collected_(collected),
          guess_(guess),
          count_(count),
          whole_(whole),
          bins_(bins) {}

    std::uint32_t threshold() const { return guess_.threshold; }
    std::uint32_t floor() const { return guess_.floor; }
    std::uint32_t count() const { return count_; }  // from the floor on
    std::uint32_t count_at_least(std::uint32_t threshold) const {
      return (whole_ && threshold >= guess_.floor ? collected_ : row_).count_at_least(threshold);
    }
    // The k largest of the row, the lower index first among equals.
    Choice largest(std::uint32_t k) const;
    // All from the floor on, but no more than the `most` largest.
    Choice all(std::uint32_t most) const;

   private:
    const Magnitudes& row_;
    const Magnitudes& collected_;
    Guess guess_;
    std::uint32_t count_;
    bool whole_;  // all that were counted are at hand
    std::span<std::uint32_t> bins_;
  };

  virtual Guess guess(const Row& row, const Feedback& feedback, const Key& key,
                      const Memory& memory) const = 0;
  virtual Choice choose(const Found& found, const Row& row) const = 0;
};

// Even samples from a random start on, as DGC takes them: at least `count` of them, `stride` apart.
struct Sampling {
  std::uint32_t stride, count;

  // At least the share `ratio` of n, and enough that two are expected to be sent.
  static Sampling of(std::uint32_t n, float density, double ratio);
  bool whole() const { return stride == 1; }
  std::size_t room(std::uint32_t n) const;  // the most samples that any start gives
  // The samples' magnitudes as floats, in the first elements of `memory`. Of `together` neighbours
  // at a time there are about as many, and a fraction of the cache misses; `count` must be at least
  // twice that, so that they are inside the row.
  std::span<const float> take(const Row& row, const Feedback& feedback, const Key& key,
                              std::span<float> memory, std::size_t together = 1) const;
  // How many of the samples make up the row's share.
  std::uint32_t share(const Row& row) const;
};

// The k-th largest of some magnitudes, from `floor` on alone; 1 <= k <= magnitudes.size(), and as
// many reach the floor. `bins` has kBins elements.
std::uint32_t kth_largest_of(std::span<const float> magnitudes, std::size_t k, std::uint32_t floor,
                             std::span<std::uint32_t> bins);

// Throws JobError unless it is a share that the codec `name` can sample.
void check_sample_ratio(std::string_view name, double ratio);

}  // namespace terse
