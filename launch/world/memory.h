// Settings of the C library's allocator.
#pragma once

namespace terse {

// Keeps freed memory in the process. Every step allocates and frees the same large tensors; by
// default, the allocator returns their memory to the system and faults its pages in again, which
// takes a tenth of a small model's step. Call once, at the start of main().
void keep_freed_memory();

}  // namespace terse
