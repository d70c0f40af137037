#include <string>
#include <vector>

#include "terse/launch/program.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  return terse::run_program(words);
}
