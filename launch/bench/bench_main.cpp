#include <string>
#include <vector>

#include "terse/launch/bench/bench.h"
#include "terse/launch/world/memory.h"
#include "terse/launch/world/world.h"

int main(int argc, char** argv) {
  terse::keep_freed_memory();
  const std::vector<std::string> args(argv + 1, argv + argc);
  return terse::run_reporting_errors([&] { return terse::run_bench(args); });
}
