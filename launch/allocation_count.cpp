#include "terse/launch/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> allocations{0};
}

namespace terse {
std::uint64_t allocation_count() { return allocations.load(std::memory_order_relaxed); }
}  // namespace terse

#ifndef TERSE_SANITIZED  // an instrumented program has operators of the sanitizer's, which must
                         // stay
// Replacing the global operator is the one way to see every allocation, a library's included.
void* operator new(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
