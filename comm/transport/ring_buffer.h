// A FIFO queue that keeps its memory: it grows by doubling and allocates nothing once it has been
// long enough.
#pragma once

#include <cstddef>
#include <vector>

namespace terse {

template <class T>
class RingBuffer {
 public:
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  T& front() { return items_[first_]; }
  const T& front() const { return items_[first_]; }

  void push(const T& item) {
    if (count_ == items_.size()) grow();
    items_[(first_ + count_) & (items_.size() - 1)] = item;
    ++count_;
  }
  void pop() {
    first_ = (first_ + 1) & (items_.size() - 1);
    --count_;
  }

 private:
  void grow() {
    std::vector<T> longer(items_.empty() ? kFirst : 2 * items_.size());
    for (std::size_t i = 0; i < count_; ++i) longer[i] = items_[(first_ + i) & (items_.size() - 1)];
    items_.swap(longer);
    first_ = 0;
  }

  // Enough for a step of a hundred groups.
  static constexpr std::size_t kFirst = 256;

  std::vector<T> items_;  // a power of two
  std::size_t first_ = 0, count_ = 0;
};

}  // namespace terse
