#include "terse/comm/channel/task.h"

#include <cstring>

namespace terse {
namespace {

// In front of each frame: the pool that it came from, or null for the heap.
constexpr std::size_t kPrefix = alignof(std::max_align_t) > sizeof(FramePool*)
                                    ? alignof(std::max_align_t)
                                    : sizeof(FramePool*);

}  // namespace

void* FramePool::take(std::size_t bytes) {
  const std::size_t units =
      (bytes + kPrefix + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
  std::byte* block = nullptr;
  FramePool* owner = nullptr;
  if (in_use_) {  // a task inside a task
    block = static_cast<std::byte*>(::operator new(bytes + kPrefix));
  } else {
    if (memory_.size() < units) memory_.resize(units);
    block = reinterpret_cast<std::byte*>(memory_.data());
    owner = this;
    in_use_ = true;
  }
  std::memcpy(block, &owner, sizeof(owner));
  return block + kPrefix;
}

void FramePool::give_back(void* frame, std::size_t /*bytes*/) noexcept {
  std::byte* block = static_cast<std::byte*>(frame) - kPrefix;
  FramePool* owner = nullptr;
  std::memcpy(&owner, block, sizeof(owner));
  if (owner != nullptr) {
    owner->in_use_ = false;
  } else {
    ::operator delete(block);
  }
}

}  // namespace terse
