// Benchmarks that need a world or LibTorch. Each command takes the words after its name and returns
// the exit code.
#pragma once

#include <span>
#include <string>

#include "terse/launch/bench/codecs/low_rank.h"

namespace terse {

// What follows `terse bench`: the name of a benchmark and its options.
int run_bench(std::span<const std::string> args);

// LibTorch's, on one thread.
MatrixProducts torch_products();

// A gradient of ResNet-50's shapes through every codec, against bytes / bandwidth, or against a
// memory copy where the link is unlimited.
int bench_exchange(std::span<const std::string> args);

// The share of min(backward, communication) that is hidden, at the bandwidth where the two are
// equal.
int bench_overlap(std::span<const std::string> args);

}  // namespace terse
