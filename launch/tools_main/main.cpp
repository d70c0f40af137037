#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/tools/tools.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (const auto code = terse::run_tool(words)) return *code;
    fmt::print(stderr, "terse-tools encode, decode, codecs or converge: name one of the four.\n");
    return static_cast<int>(terse::ExitCode::bad_job);
  } catch (const terse::JobError& error) {
    fmt::print(stderr, "terse: {}\n", error.what());
    return static_cast<int>(terse::ExitCode::bad_job);
  } catch (const std::exception& error) {
    fmt::print(stderr, "terse: {}\n", error.what());
    return static_cast<int>(terse::ExitCode::run_failed);
  }
}
