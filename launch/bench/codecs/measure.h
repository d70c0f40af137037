// One line of the benchmark, measured.
#pragma once

#include "terse/launch/bench/codecs/cases.h"
#include "terse/launch/bench/codecs/streams.h"

namespace terse {

// By one thread, and by several that share the tensors out, each with a frame of its own: what the
// ranks of one process do. The best of all repeats.
struct Times {
  double codec = 1e9, limit = 1e9;  // seconds
};

struct Measured {
  const BenchCase* line;
  Times one, several;

  double bytes(const Arena& arena) const {
    return line->streams.bytes() * static_cast<double>(arena.elements());
  }
  double share() const { return one.limit / one.codec; }
};

// `several` is as it began where threads == 1.
Measured measure(const BenchCase& line, Arena& arena, int repeat, int threads);

}  // namespace terse
