#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/launch/cli/installation.h"
#include "terse/launch/cli/program.h"

namespace terse {

// The benchmarks are a separate program, because it replaces operator new to count allocations.
// exec keeps this process, which mpirun has started as a rank.
int bench_command(std::span<const std::string> args) {
  const std::string program = sibling_program("terse-bench").string();
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  fail("cannot start the benchmark program {} ({}); build or install it beside terse.", program,
       std::strerror(errno));
}

}  // namespace terse
