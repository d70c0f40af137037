// One row of OkTopkExchange between its rounds, and what it keeps between steps.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "terse/comm/exchange/compressor_state.h"
#include "terse/comm/exchange/sparse/sparse_rows.h"

namespace terse {

// What is kept of a layer: the threshold of the global top-k, whether the region boundaries have
// been balanced, and each boundary as its high and its low 16 bits, which floats hold exactly.
class OkTopkMemory {
 public:
  static std::size_t size(int world) { return 2 * static_cast<std::size_t>(world); }

  // `slot` is null where only sizes are wanted.
  OkTopkMemory(Slot* slot, std::uint32_t n, int world) : slot_(slot), n_(n), world_(world) {}
  void begin();  // carries the previous state into this step
  float threshold() const { return slot_->next()[0]; }
  void set_threshold(float threshold) { slot_->next()[0] = threshold; }
  // The first element of region `region`; n for region `world`. Even shares at first.
  std::uint32_t boundary(int region) const;
  void set_boundary(int region, std::uint32_t at);  // 1 <= region < world

 private:
  Slot* slot_;
  std::uint32_t n_;
  int world_;
};

class OkTopkRow {
 public:
  OkTopkRow(OkTopkMemory memory_of, std::uint32_t max_entries, std::uint32_t capacity, int world);

  // Most entries of a message: twice an even share of k.
  static std::uint32_t message_entries_for(std::uint32_t k, int world);

  std::uint32_t world() const { return static_cast<std::uint32_t>(counts.size()); }
  std::size_t bytes() const;
  void bind_workspace(Scratch& scratch);

  // Finds the chosen entries of each region, and keeps the `message_entries` largest of them in
  // each but this rank's own.
  void divide(int rank);
  // A view into `chosen`.
  Entries chosen_in(int region) const;
  // Keeps the largest entries, at most `max_entries`; returns how many there are.
  std::uint32_t keep_at_most(std::uint32_t max_entries, std::span<std::uint32_t> index,
                             std::span<float> value);
  // The count-th largest magnitude of at least `count` values.
  std::uint32_t kth_magnitude(std::uint32_t count, std::span<const float> value);

  OkTopkMemory memory;
  std::uint32_t k;
  std::uint32_t message_entries;
  std::uint32_t capacity_entries;             // of `chosen`
  std::vector<std::uint32_t> starts, counts;  // the entries of `chosen` in each region
  Entries chosen;                             // by this rank
  Entries incoming;                           // from one peer
  Entries region;                             // the sums of this rank's region
  Entries result;

 private:
  std::uint32_t max_region_entries() const { return k + (world() - 1) * message_entries; }

  std::span<std::uint32_t> work_;
};

}  // namespace terse
