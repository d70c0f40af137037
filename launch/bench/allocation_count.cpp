#include "terse/launch/bench/allocation_count.h"

#include <cstdint>
#include <cstdlib>
#include <new>

namespace {
thread_local std::uint64_t allocations = 0;
}

namespace terse {
std::uint64_t allocation_count() { return allocations; }
}  // namespace terse

#ifndef TERSE_SANITIZED  // a sanitizer has its own operators
// Only replacing the global operator counts every allocation, including those of libraries.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
