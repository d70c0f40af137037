// terse_bench_codecs: `terse bench codecs` as a program without LibTorch.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/launch/bench/codecs/codecs.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  try {
    return terse::bench_codecs(args);
  } catch (const std::exception& error) {
    fmt::print(stderr, "terse_bench_codecs: {}\n", error.what());
    return dynamic_cast<const terse::JobError*>(&error) != nullptr ? 2 : 1;
  }
}
