// Sparse codecs that send the largest values of a row. In the common case they take one pass: a
// threshold is estimated from samples of v, the fold collects the values that reach it, and the
// selection is made among those. The row is read again only if the estimate was bad.
#pragma once

#include "terse/compressors/kernels/cpu/select/collect.h"
#include "terse/compressors/sparse/magnitude/magnitudes.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {

class MagnitudeSparsifier : public Sparsifier {
 public:
  using Sparsifier::Sparsifier;
  std::uint32_t capacity_entries(std::uint32_t n, float level) const final;
  RowStatus select(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
                   const Workspace& workspace, ProgressMeter& progress) const final {
    return run(row, feedback, key, entries, workspace, progress, Residual::unsent);
  }
  RowStatus select_and_subtract(const Row& row, const Feedback& feedback, const Key& key,
                                Entries& entries, const Workspace& workspace,
                                ProgressMeter& progress) const final {
    return run(row, feedback, key, entries, workspace, progress, Residual::subtracted);
  }

 protected:
  // In order of index: every magnitude above the threshold and the first `ties` equal to it, up to
  // `count` entries.
  struct Selection {
    std::uint32_t threshold, ties, count;
  };

  // Made before a row is folded: the estimated smallest magnitude to send, and the floor from which
  // the fold collects, so that the collected values still suffice if the threshold must be lower.
  struct ThresholdEstimate {
    std::uint32_t threshold, floor;
  };

  // Corrects a residual from which the fold subtracted the collected entries of at least a
  // magnitude before the selection was made. Keeps references.
  class ResidualUndo {
   public:
    // `collected` is the number of entries that were collected.
    ResidualUndo(float* residual, const Entries& entries, std::size_t collected, std::uint32_t from)
        : residual_(residual), entries_(entries), collected_(collected), from_(from) {}

    bool any() const { return from_ != kernels::Collected::kClearsNothing; }
    // Adds everything back; the entries must still be as they were collected.
    void restore();
    // Corrects one entry, once it is known whether it is sent.
    void correct(std::uint32_t index, float value, std::uint32_t magnitude, bool sent) const {
      const bool undo = magnitude >= from_;
      if (sent != undo && magnitude > 0) residual_[index] = sent ? 0.0f : value;
    }

   private:
    float* residual_;
    const Entries& entries_;
    std::size_t collected_;
    std::uint32_t from_;
  };

  // A folded row whose values from the estimate's floor on have been collected. Access to the whole
  // row undoes the subtraction from its residual first.
  class Candidates {
   public:
    struct State {
      const Magnitudes& row;
      const Magnitudes& collected;
      ThresholdEstimate estimate;
      std::uint32_t peak;   // the largest magnitude of the row
      std::uint32_t count;  // magnitudes from the floor on
      bool complete;        // whether `collected` has all of them
      std::span<std::uint32_t> bins;
      ResidualUndo& undo;
    };
    explicit Candidates(const State& state) : state_(state) {}

    std::uint32_t threshold() const { return state_.estimate.threshold; }
    std::uint32_t floor() const { return state_.estimate.floor; }
    std::uint32_t count() const { return state_.count; }
    std::uint32_t count_at_least(std::uint32_t threshold) const {
      return (holds(threshold) ? state_.collected : row()).count_at_least(threshold);
    }
    // Whether all magnitudes from the threshold on were collected.
    bool holds(std::uint32_t threshold) const { return state_.complete && threshold >= floor(); }
    const Magnitudes& row() const {
      state_.undo.restore();
      return state_.row;
    }
    // The k largest of the row, the lower index first among equals.
    Selection largest(std::uint32_t k) const;
    // All from the floor on, but no more than the `max_entries` largest.
    Selection all(std::uint32_t max_entries) const;

   private:
    State state_;
  };

  virtual ThresholdEstimate estimate(const Row& row, const Feedback& feedback, const Key& key,
                                     const Workspace& workspace) const = 0;
  virtual Selection choose(const Candidates& candidates, const Row& row) const = 0;

 private:
  // How run() leaves the residual: as if nothing were sent, or without the sent entries if that can
  // be done in the same pass.
  enum class Residual { unsent, subtracted };
  // Keeps the selected ones of the collected entries, or collects them from the row again.
  static void pick_entries(const Candidates& candidates, const Selection& selection,
                           Entries& entries, ResidualUndo& undo);
  RowStatus run(const Row& row, const Feedback& feedback, const Key& key, Entries& entries,
                const Workspace& workspace, ProgressMeter& progress, Residual residual) const;
};

// Evenly spaced samples from a random start on, as in DGC: at least `count` of them, `stride`
// apart.
struct Sampling {
  std::uint32_t stride, count;

  // Samples at least the share `ratio` of n, and enough that two of them are expected to be sent.
  static Sampling of(std::uint32_t n, float density, double ratio);
  bool whole() const { return stride == 1; }
  std::size_t max_samples(std::uint32_t n) const;  // over all starts
  // Returns the samples' magnitudes as floats, in the first elements of `memory`. With groups of
  // neighbors there are about as many samples and fewer cache misses; `count` must be at least
  // twice `group`, so that they lie inside the row.
  std::span<const float> sample(const Row& row, const Feedback& feedback, const Key& key,
                                std::span<float> memory, std::size_t group = 1) const;
  // The number of samples that corresponds to the row's density.
  std::uint32_t share(const Row& row) const;
};

// The k-th largest of some magnitudes, k >= 1, counting those from `floor` on, of which there must
// be k or more; `bins` has kBins elements. Fast if it is within a few octaves of the largest.
std::uint32_t kth_largest_of(std::span<const float> magnitudes, std::size_t k, std::uint32_t floor,
                             std::span<std::uint32_t> bins);

// Throws JobError unless the codec `name` can sample this share.
void check_sample_ratio(std::string_view name, double ratio);

}  // namespace terse
