#include <malloc.h>

#include <string>
#include <vector>

#include "terse/launch/program.h"

namespace {

// Every step takes and frees the same large tensors. Left alone, the allocator gives their memory
// back to the system each time and pays for its pages again: a tenth of a step of a small model.
void keep_freed_memory() {
  constexpr int kLargest = 32 << 20, kKept = 512 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, kKept);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  const std::vector<std::string> words(argv + 1, argv + argc);
  return terse::run_program(words);
}
