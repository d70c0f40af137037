// The benchmarks that need a world or LibTorch. Each takes the arguments after its name and returns
// the exit code.
#pragma once

#include <span>
#include <string>

#include "terse/launch/bench/codecs/low_rank.h"

namespace terse {

// Runs the benchmark that `args` begins with.
int run_bench(std::span<const std::string> args);

// The matrix products of LibTorch on one thread.
MatrixProducts torch_products();

// Exchanges a gradient of ResNet-50's shapes with every codec and compares the time of a step with
// bytes / bandwidth, or with a memory copy if the link is unlimited.
int bench_exchange(std::span<const std::string> args);

// Measures the fraction of min(backward, exchange) that is hidden by overlap, at the bandwidth
// where the two take equally long.
int bench_overlap(std::span<const std::string> args);

}  // namespace terse
