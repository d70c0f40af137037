// Why the world ended, set at most once: by abort(), by a peer's abort, or because a peer was
// declared dead. Any thread may set it, any thread may read it once is_set(); never blocks,
// allocates or throws.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace terse {

class AbortReason {
 public:
  static constexpr std::size_t kMaxBytes = 500;  // of the sentence; longer ones are truncated

  // The first call wins; returns whether this was it. `origin`: the rank that caused it.
  bool set(int origin, std::string_view sentence) noexcept {
    int expected = kNothing;
    if (!state_.compare_exchange_strong(expected, kWriting, std::memory_order_acquire))
      return false;
    origin_ = origin;
    length_ = std::min(sentence.size(), kMaxBytes);
    std::copy_n(sentence.data(), length_, text_.begin());
    state_.store(kSet, std::memory_order_release);
    return true;
  }
  bool is_set() const noexcept { return state_.load(std::memory_order_acquire) == kSet; }
  int origin() const { return origin_; }
  std::string_view sentence() const { return {text_.data(), length_}; }

 private:
  enum : int { kNothing, kWriting, kSet };
  std::atomic<int> state_{kNothing};
  int origin_ = -1;
  std::size_t length_ = 0;
  std::array<char, kMaxBytes> text_{};
};

}  // namespace terse
