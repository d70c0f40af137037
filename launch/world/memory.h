// The C library's allocator, set up for training.
#pragma once

namespace terse {

// Keeps freed memory in the process. Every step allocates and frees the same large tensors; left
// alone, the allocator returns their memory to the system each time and pays for its pages again,
// a tenth of a step of a small model. Call once, first thing in main().
void keep_freed_memory();

}  // namespace terse
