#include "terse/launch/bench/codecs/low_rank.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "terse/compressors/low_rank/low_rank.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;
using low_rank::Factors;
using low_rank::Side;

constexpr float kRank = 4;

template <class Body>
double seconds_of(Body&& body) {
  const Clock::time_point begin = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Matrices with memory for their factors.
struct Subject {
  std::vector<Factors> table;
  std::vector<float> vectors;

  explicit Subject(const Arena& arena) {
    std::size_t total = 0;
    for (const Row& row : arena.rows()) {
      const low_rank::Shape shape = low_rank::shape_of(row.n0, row.n1, kRank);
      if (row.n0 == 0 || !low_rank::saves_bytes(shape)) continue;
      table.push_back({.row = row, .shape = shape});
      total += shape.p() + shape.q();
    }
    vectors.resize(total);
    float* at = vectors.data();
    for (Factors& f : table) {
      f.p = at;
      f.q = at + f.shape.p();
      at = f.q + f.shape.q();
      low_rank::reseed_zero_columns(f.q, f.shape.n1, f.shape.rank, {1, 2, 3, kShared}, f.row.layer);
    }
  }

  void step() {
    const Exec no_progress;
    low_rank::fold_and_project(table, feedback::kClassic, Side::p, no_progress);
    for (const Factors& f : table) low_rank::orthonormalize(f.p, f.shape.n0, f.shape.rank);
    low_rank::project(table, feedback::kClassic, Side::q, no_progress);
    low_rank::rebuild(table, feedback::kClassic, low_rank::ResidualUpdate::now, no_progress);
  }

  void products(const MatrixProducts& library) {
    for (const Factors& f : table)
      library(f.shape.n0, f.shape.n1, f.shape.rank, f.row.out, f.p, f.q);
  }
};

}  // namespace

LowRankTime low_rank_time(Arena& arena, const MatrixProducts& library, int repeat) {
  arena.fill();
  Subject ours(arena), theirs(arena);
  const Streams residual{.residual = true};
  const MemoryMover mover(residual, arena);
  std::vector<std::byte> payload(4 * arena.gradient.size());
  LowRankTime best;
  for (int i = 0; i < repeat; ++i) {
    if (library) {
      const double products = seconds_of([&] { theirs.products(library); });
      best.products = std::min(best.products.value_or(products), products);
    }
    best.residual = std::min(
        best.residual, seconds_of([&] { mover.move(arena.range_of(arena.rows()), payload); }));
    arena.fill();
    best.step = std::min(best.step, seconds_of([&] { ours.step(); }));
  }
  return best;
}

}  // namespace terse
