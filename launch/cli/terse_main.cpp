#include <string>
#include <vector>

#include "terse/launch/cli/program.h"
#include "terse/launch/world/memory.h"

int main(int argc, char** argv) {
  terse::keep_freed_memory();
  const std::vector<std::string> args(argv + 1, argv + argc);
  return terse::run_program(args);
}
