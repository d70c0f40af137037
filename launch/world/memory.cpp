#include "terse/launch/world/memory.h"

#include <malloc.h>

namespace terse {

void keep_freed_memory() {
  constexpr int kMmapThreshold = 32 << 20, kTrimThreshold = 512 << 20;
  mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
}

}  // namespace terse
