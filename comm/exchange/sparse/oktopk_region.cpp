#include "terse/comm/exchange/sparse/oktopk_region.h"

#include <algorithm>
#include <functional>

#include "terse/compressors/kernels/cpu/select/select.h"

namespace terse {
namespace {

constexpr std::uint32_t kSlack = 8;  // entries, for small k
constexpr std::size_t kKnownAt = 1, kCutsAt = 2;
constexpr std::uint32_t kHalf = 1u << 16;

}  // namespace

void OkTopkMemory::begin() {
  if (slot_->now() != slot_->next()) std::copy_n(slot_->now(), size(world_), slot_->next());
}

std::uint32_t OkTopkMemory::cut(int region) const {
  if (region == 0) return 0;
  if (region == world_) return n_;
  const float* const memory = slot_->next();
  if (memory[kKnownAt] == 0) {
    return static_cast<std::uint32_t>(std::uint64_t{n_} * static_cast<unsigned>(region) /
                                      static_cast<unsigned>(world_));
  }
  const float* const alternating = memory + kCutsAt + 2 * (region - 1);
  return static_cast<std::uint32_t>(alternating[0]) * kHalf +
         static_cast<std::uint32_t>(alternating[1]);
}

void OkTopkMemory::set_cut(int region, std::uint32_t at) {
  float* const memory = slot_->next();
  memory[kKnownAt] = 1;
  memory[kCutsAt + 2 * static_cast<std::size_t>(region - 1)] = static_cast<float>(at / kHalf);
  memory[kCutsAt + 2 * static_cast<std::size_t>(region - 1) + 1] = static_cast<float>(at % kHalf);
}

OkTopkRow::OkTopkRow(OkTopkMemory remembered, std::uint32_t max_entries, std::uint32_t own_room,
                     int world)
    : memory(remembered),
      k(max_entries),
      cap(cap_of(max_entries, world)),
      capacity_entries(own_room),
      starts(static_cast<std::size_t>(world)),
      counts(static_cast<std::size_t>(world)) {}

std::uint32_t OkTopkRow::cap_of(std::uint32_t k, int world) {
  const auto ranks = static_cast<std::uint32_t>(world);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(k, (2 * std::uint64_t{k} + ranks - 1) / ranks + kSlack));
}

std::size_t OkTopkRow::bytes() const {
  return entries_bytes(capacity_entries) + entries_bytes(cap) +
         entries_bytes(max_entries_in_region()) + entries_bytes(world() * cap) +
         scratch_bytes<std::uint32_t>(max_entries_in_region() + world() * cap);
}

void OkTopkRow::bind_workspace(Scratch& scratch) {
  own = take_entries(scratch, capacity_entries);
  come = take_entries(scratch, cap);
  region = take_entries(scratch, max_entries_in_region());
  result = take_entries(scratch, world() * cap);
  order = scratch.take<std::uint32_t>(max_entries_in_region() + world() * cap);
}

void OkTopkRow::divide(int rank) {
  const auto indices = own.indices();
  for (std::uint32_t r = 0; r < world(); ++r) {
    const auto first_of = [&](std::uint32_t owner) {
      const std::uint32_t cut = memory.cut(static_cast<int>(owner));
      return static_cast<std::uint32_t>(std::lower_bound(indices.begin(), indices.end(), cut) -
                                        indices.begin());
    };
    starts[r] = first_of(r);
    counts[r] = first_of(r + 1) - starts[r];
  }
  for (std::uint32_t r = 0; r < world(); ++r) {
    const Entries one = part(static_cast<int>(r));
    if (static_cast<int>(r) != rank) counts[r] = cut_to(cap, one.index, one.value);
  }
}

Entries OkTopkRow::part(int owner) const {
  const auto r = static_cast<std::size_t>(owner);
  return {own.index.subspan(starts[r], counts[r]), own.value.subspan(starts[r], counts[r]),
          own.decoded.subspan(starts[r], counts[r]), counts[r]};
}

std::uint32_t OkTopkRow::kth(std::uint32_t max_entries, std::span<const float> value) {
  const auto all = order.first(value.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = kernels::magnitude(value[i]);
  std::nth_element(all.begin(), all.begin() + (max_entries - 1), all.end(), std::greater<>());
  return all[max_entries - 1];
}

std::uint32_t OkTopkRow::cut_to(std::uint32_t max_entries, std::span<std::uint32_t> index,
                                std::span<float> value) {
  if (index.size() <= max_entries) return static_cast<std::uint32_t>(index.size());
  if (max_entries == 0) return 0;
  const std::uint32_t least = kth(max_entries, value);
  auto ties = std::count(order.begin(), order.begin() + max_entries, least);
  std::uint32_t kept = 0;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const std::uint32_t m = kernels::magnitude(value[i]);
    if (m < least || (m == least && ties-- <= 0)) continue;
    index[kept] = index[i];
    value[kept++] = value[i];
  }
  return kept;
}

}  // namespace terse
