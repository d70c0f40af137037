// Measures one line of the benchmark.
#pragma once

#include "terse/launch/bench/codecs/cases.h"
#include "terse/launch/bench/codecs/streams.h"

namespace terse {

// The best of all repeats.
struct Times {
  double codec = 1e9, limit = 1e9;  // seconds
};

// Times of one thread, and of several that divide the tensors among them, each with its own frame,
// like the ranks of one process.
struct Measured {
  const BenchCase* line;
  Times one, several;

  double bytes(const Arena& arena) const {
    return line->streams.bytes() * static_cast<double>(arena.elements());
  }
  double share() const { return one.limit / one.codec; }
};

// Leaves `several` at its initial value if threads == 1.
Measured measure(const BenchCase& line, Arena& arena, int repeat, int threads);

}  // namespace terse
