// The groups (buckets) of layers that are exchanged together, and the schedule of their rounds:
// pure functions of a plan and of timings, the same on every rank.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "terse/comm/plan/layer.h"
#include "terse/comm/plan/plan.h"

namespace terse {

// A contiguous range of one layer's elements.
struct Piece {
  std::uint32_t layer = 0;
  std::uint32_t first = 0;
  std::uint32_t n = 0;
};

struct GroupSpec {
  std::uint16_t scheme = 0;
  std::vector<Piece> pieces;
};

// Layers of one scheme in ready order, collected up to the scheme's group_bytes; a layer above that
// is cut where its codec allows.
std::vector<GroupSpec> make_groups(std::span<const Layer> layers, const Plan& plan);

// How long a group takes, in whole microseconds so that every machine computes the same schedule.
struct GroupTiming {
  std::int64_t ready_us = 0;  // from the step's start until its gradients are complete
  std::int64_t round_us = 0;  // one round
  int rounds = 0;
};

struct Turn {
  std::uint16_t group = 0;
  std::uint16_t workspace =
      0;  // which of the `depth` workspaces the group uses from its first turn to its last
};

// The order of turns, the same on every rank. A turn advances one group by one round; a group has
// rounds + 1 turns. At most `depth` groups are open at a time.
std::vector<Turn> make_schedule(std::span<const GroupTiming> timings, int depth);

}  // namespace terse
