// The time of a PowerSGD step at rank 4, compared with its matrix products in a library.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "terse/launch/bench/codecs/streams.h"

namespace terse {

// P = M Q, Q = M^T P, M = P Q^T, for a matrix (rows x columns) and a few vectors, all stored row by
// row.
using MatrixProducts = std::function<void(std::size_t rows, std::size_t columns,
                                          std::size_t vectors, float* m, float* p, float* q)>;

struct LowRankTime {
  double step = 1e9;  // seconds: fold, the three products, orthonormal P and the residual
  std::optional<double> products;  // in the library, on one thread
  double residual = 1e9;           // gradient and residual read, residual written

  std::optional<double> ratio() const {
    if (!products) return {};
    return step / (*products + residual);
  }
};

inline constexpr double kLowRankTarget = 1.3;  // maximum of that ratio

// For the arena's matrices that rank 4 compresses; the best of `repeat` rounds each. `library` may
// be empty.
LowRankTime low_rank_time(Arena& arena, const MatrixProducts& library, int repeat);

}  // namespace terse
