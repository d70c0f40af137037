// How fast the indices of sparse messages are read.
#pragma once

#include <vector>

namespace terse {

struct IndexRate {
  double density;
  double bits;        // per index
  double per_second;  // indices read, not counting their check
};

inline constexpr double kIndexRateTarget = 150e6;

// Rice coding at 1 % and 0.1 % of 16 M elements; the best of `repeat` rounds.
std::vector<IndexRate> rice_rates(int repeat);

}  // namespace terse
