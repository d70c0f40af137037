// One row of the OkTopkExchange exchange between its rounds, and what it remembers between steps.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "terse/comm/exchange/compressor_state.h"
#include "terse/comm/exchange/sparse/sparse_rows.h"

namespace terse {

// What is remembered of a layer: the threshold of the global top-k, whether there are cuts, and the
// cuts between regions, each as its high and its low 16 bits, which floats hold exactly.
class OkTopkMemory {
 public:
  static std::size_t size(int world) { return 2 * static_cast<std::size_t>(world); }

  OkTopkMemory(Slot& slot, std::uint32_t n, int world) : slot_(&slot), n_(n), world_(world) {}
  void begin();  // what was remembered is remembered further
  float threshold() const { return slot_->next()[0]; }
  void set_threshold(float threshold) { slot_->next()[0] = threshold; }
  // The first element of region `region`; n for region `world`.
  std::uint32_t cut(int region) const;
  void set_cut(int region, std::uint32_t at);  // 1 <= region < world

 private:
  Slot* slot_;
  std::uint32_t n_;
  int world_;
};

struct OkTopkRow {
  OkTopkMemory memory;
  std::uint32_t k, cap;
  std::uint32_t capacity_entries;             // of `own`
  std::vector<std::uint32_t> starts, counts;  // the entries of `own` in each region
  Entries own, come, region, result;
  std::span<std::uint32_t> order;

  OkTopkRow(OkTopkMemory remembered, std::uint32_t max_entries, std::uint32_t own_room, int world);
  // Most entries of a message: twice an even share of k.
  static std::uint32_t cap_of(std::uint32_t k, int world);
  std::uint32_t world() const { return static_cast<std::uint32_t>(counts.size()); }
  std::uint32_t max_entries_in_region() const { return k + (world() - 1) * cap; }
  std::size_t bytes() const;
  void bind_workspace(Scratch& scratch);

  // Finds the entries of `own` in each region, and leaves the `cap` largest of them in each but
  // this rank's.
  void divide(int rank);
  Entries part(int region) const;  // a view that shares the memory of `own`
  // Leaves the `max_entries` largest of a list, the lower index first among equals; returns how
  // many.
  std::uint32_t cut_to(std::uint32_t max_entries, std::span<std::uint32_t> index,
                       std::span<float> value);
  // The most-th largest magnitude of a list that is at least so long.
  std::uint32_t kth(std::uint32_t max_entries, std::span<const float> value);
};

}  // namespace terse
