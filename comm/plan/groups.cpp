#include "terse/comm/plan/groups.h"

#include <algorithm>
#include <utility>

namespace terse {

std::vector<GroupSpec> make_groups(std::span<const Layer> layers, const Plan& plan) {
  std::vector<GroupSpec> groups;
  for (std::size_t s = 0; s < plan.schemes.size(); ++s) {
    const auto f = static_cast<std::uint16_t>(s);
    const Scheme& scheme = plan.schemes[f];
    const std::uint32_t block = scheme.codec->traits().block;
    const auto limit =
        static_cast<std::uint32_t>(std::max<std::size_t>(scheme.group_bytes / sizeof(float), 1));
    GroupSpec group{.scheme = f, .pieces = {}};
    std::uint32_t filled = 0;
    const auto flush = [&] {
      if (!group.pieces.empty())
        groups.push_back(std::exchange(group, {.scheme = f, .pieces = {}}));
      filled = 0;
    };
    for (std::uint32_t i = 0; i < layers.size(); ++i) {
      if (plan.assignments[i].scheme != f) continue;
      for (std::uint32_t first = 0; first < layers[i].size;) {
        std::uint32_t n = layers[i].size - first;
        if (block != 0 && n > limit - filled) {
          n = std::min<std::uint32_t>(n, std::max((limit - filled) / block, 1u) * block);
        }
        group.pieces.push_back({i, first, n});
        first += n;
        filled += n;
        if (filled >= limit) flush();
        // Close the group when the rest of its limit is smaller than a block.
        if (filled != 0 && block != 0 && limit - filled < block) flush();
      }
    }
    flush();
  }
  // By the last layer in ready order that they wait for.
  std::stable_sort(groups.begin(), groups.end(), [](const GroupSpec& a, const GroupSpec& b) {
    return a.pieces.back().layer < b.pieces.back().layer;
  });
  return groups;
}

std::vector<Turn> make_schedule(std::span<const GroupTiming> timings, int depth) {
  struct Standing {
    int turn = 0;
    std::int64_t due = 0;
    std::uint16_t workspace = 0;
  };
  std::vector<Standing> groups(timings.size());
  std::vector<std::uint16_t> free_workspaces;
  for (int i = depth - 1; i >= 0; --i) free_workspaces.push_back(static_cast<std::uint16_t>(i));
  std::size_t turns = 0;
  for (std::size_t g = 0; g < timings.size(); ++g) {
    groups[g].due = timings[g].ready_us;
    turns += static_cast<std::size_t>(timings[g].rounds) + 1;
  }

  std::vector<Turn> order;
  order.reserve(turns);
  std::int64_t now = 0, link = 0;  // link: when it has carried the rounds so far
  while (order.size() < turns) {
    std::size_t next = groups.size();
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (groups[g].turn > timings[g].rounds) continue;
      if (groups[g].turn == 0 && free_workspaces.empty()) continue;
      if (next == groups.size() || groups[g].due < groups[next].due) next = g;
    }
    Standing& group = groups[next];
    if (group.turn == 0) {
      group.workspace = free_workspaces.back();
      free_workspaces.pop_back();
    }
    order.push_back({static_cast<std::uint16_t>(next), group.workspace});
    now = std::max(now, group.due);
    if (++group.turn > timings[next].rounds) {
      free_workspaces.push_back(group.workspace);
      continue;
    }
    link = std::max(link, now) + timings[next].round_us;
    group.due = link;
  }
  return order;
}

}  // namespace terse
