// Why a world came to its end, said at most once: by an abort, by a peer's abort, or for a peer
// that fell silent. Any thread may say it, any thread may read it once said() holds; it never
// blocks, allocates or throws.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace terse {

class AbortReason {
 public:
  static constexpr std::size_t kMostBytes = 500;  // of the sentence; what is longer is cut

  // The first wins; returns whether this was it. `origin`: the rank that is the cause.
  bool say(int origin, std::string_view sentence) noexcept {
    int expected = kNothing;
    if (!state_.compare_exchange_strong(expected, kWriting, std::memory_order_acquire))
      return false;
    origin_ = origin;
    length_ = std::min(sentence.size(), kMostBytes);
    std::copy_n(sentence.data(), length_, text_.begin());
    state_.store(kSaid, std::memory_order_release);
    return true;
  }
  bool said() const noexcept { return state_.load(std::memory_order_acquire) == kSaid; }
  int origin() const { return origin_; }
  std::string_view sentence() const { return {text_.data(), length_}; }

 private:
  enum : int { kNothing, kWriting, kSaid };
  std::atomic<int> state_{kNothing};
  int origin_ = -1;
  std::size_t length_ = 0;
  std::array<char, kMostBytes> text_{};
};

}  // namespace terse
