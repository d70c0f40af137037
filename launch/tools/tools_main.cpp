#include <cstdio>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/launch/tools/tools.h"
#include "terse/launch/world/world.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  return terse::run_reporting_errors([&] {
    if (const auto code = terse::run_tool(args)) return *code;
    terse::fail<terse::JobError>(
        "terse-tools needs one of the commands encode, decode, codecs and converge.");
  });
}
