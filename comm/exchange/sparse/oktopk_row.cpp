#include "terse/comm/exchange/sparse/oktopk_row.h"

#include <algorithm>

#include "terse/compressors/sparse/magnitude/keep_largest.h"

namespace terse {
namespace {

constexpr std::uint32_t kSlack = 8;  // entries, for small k
constexpr std::size_t kBalancedAt = 1, kBoundariesAt = 2;
constexpr std::uint32_t kHalf = 1u << 16;

std::size_t place_of(int region) {
  return kBoundariesAt + 2 * static_cast<std::size_t>(region - 1);
}

}  // namespace

void OkTopkMemory::begin() {
  if (slot_->now() != slot_->next()) std::copy_n(slot_->now(), size(world_), slot_->next());
}

std::uint32_t OkTopkMemory::boundary(int region) const {
  if (region == 0) return 0;
  if (region == world_) return n_;
  const float* const memory = slot_->next();
  if (memory[kBalancedAt] == 0) {
    return static_cast<std::uint32_t>(std::uint64_t{n_} * static_cast<unsigned>(region) /
                                      static_cast<unsigned>(world_));
  }
  const float* const halves = memory + place_of(region);
  return static_cast<std::uint32_t>(halves[0]) * kHalf + static_cast<std::uint32_t>(halves[1]);
}

void OkTopkMemory::set_boundary(int region, std::uint32_t at) {
  float* const memory = slot_->next();
  memory[kBalancedAt] = 1;
  memory[place_of(region)] = static_cast<float>(at / kHalf);
  memory[place_of(region) + 1] = static_cast<float>(at % kHalf);
}

OkTopkRow::OkTopkRow(OkTopkMemory memory_of, std::uint32_t max_entries, std::uint32_t capacity,
                     int world)
    : memory(memory_of),
      k(max_entries),
      message_entries(message_entries_for(max_entries, world)),
      capacity_entries(capacity),
      starts(static_cast<std::size_t>(world)),
      counts(static_cast<std::size_t>(world)) {}

std::uint32_t OkTopkRow::message_entries_for(std::uint32_t k, int world) {
  const auto ranks = static_cast<std::uint32_t>(world);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(k, (2 * std::uint64_t{k} + ranks - 1) / ranks + kSlack));
}

std::size_t OkTopkRow::bytes() const {
  return entries_bytes(capacity_entries) + entries_bytes(message_entries) +
         entries_bytes(max_region_entries()) + entries_bytes(world() * message_entries) +
         scratch_bytes<std::uint32_t>(max_region_entries() + world() * message_entries);
}

void OkTopkRow::bind_workspace(Scratch& scratch) {
  chosen = take_entries(scratch, capacity_entries);
  incoming = take_entries(scratch, message_entries);
  region = take_entries(scratch, max_region_entries());
  result = take_entries(scratch, world() * message_entries);
  work_ = scratch.take<std::uint32_t>(max_region_entries() + world() * message_entries);
}

void OkTopkRow::divide(int rank) {
  const auto indices = chosen.indices();
  for (std::uint32_t r = 0; r < world(); ++r) {
    const auto first_of = [&](std::uint32_t owner) {
      const std::uint32_t begin = memory.boundary(static_cast<int>(owner));
      return static_cast<std::uint32_t>(std::lower_bound(indices.begin(), indices.end(), begin) -
                                        indices.begin());
    };
    starts[r] = first_of(r);
    counts[r] = first_of(r + 1) - starts[r];
  }
  for (std::uint32_t r = 0; r < world(); ++r) {
    const Entries entries = chosen_in(static_cast<int>(r));
    if (static_cast<int>(r) != rank)
      counts[r] = keep_at_most(message_entries, entries.index, entries.value);
  }
}

Entries OkTopkRow::chosen_in(int owner) const {
  const auto r = static_cast<std::size_t>(owner);
  return {chosen.index.subspan(starts[r], counts[r]), chosen.value.subspan(starts[r], counts[r]),
          chosen.decoded.subspan(starts[r], counts[r]), counts[r]};
}

std::uint32_t OkTopkRow::kth_magnitude(std::uint32_t count, std::span<const float> value) {
  return LargestFilter(value, count, work_).least();
}

std::uint32_t OkTopkRow::keep_at_most(std::uint32_t max_entries, std::span<std::uint32_t> index,
                                      std::span<float> value) {
  if (index.size() <= max_entries) return static_cast<std::uint32_t>(index.size());
  if (max_entries == 0) return 0;
  return keep_largest(LargestFilter(value, max_entries, work_), index, value);
}

}  // namespace terse
