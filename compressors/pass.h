// What a pass over a table of rows shares among the codecs: working memory, pace, the frames that a
// row is written to and read from, and the sentences when something does not fit.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string_view>

#include "terse/compressors/codec.h"

namespace terse {

// Hands out parts of Exec::scratch, one after another. scratch_bytes() is what a part takes; a
// codec's scratch() is their sum.
template <class T>
constexpr std::size_t scratch_bytes(std::size_t count) {
  return round_up(count * sizeof(T), 64);
}

class Scratch {
 public:
  explicit Scratch(Bytes left) : left_(left) {}

  // Uninitialized, aligned like the scratch itself. Throws Error if there is less left.
  template <class T>
  std::span<T> take(std::size_t count) {
    const Bytes part = take_bytes(scratch_bytes<T>(count));
    return {reinterpret_cast<T*>(part.data()), count};
  }

 private:
  Bytes take_bytes(std::size_t bytes);
  Bytes left_;
};

// Calls Exec::drive() every 256 KB of work.
class Pace {
 public:
  explicit Pace(const Exec& exec) : exec_(exec) {}
  void worked(std::size_t elements) {
    elements_ += elements;
    if (elements_ < kElements) return;
    elements_ = 0;
    exec_.drive();
  }

 private:
  static constexpr std::size_t kElements = 256 * 1024 / sizeof(float);
  const Exec& exec_;
  std::size_t elements_ = 0;
};

// The ranks whose frames make up a decoded row: one, or all.
struct Senders {
  std::size_t begin, end;
};
// Throws Error if the row names a frame that is not there or has no such row.
Senders senders_of(const Row& row, const Mailbox& in);

// The frame that a row is written to, with room for `bytes`; throws Error if there is none.
Frame& frame_for(const Row& row, Mailbox& out, std::size_t bytes);

// Throws Error if `feedback` keeps a residual for which the row has no place.
void require_residual(const Row& row, const Feedback& feedback);

void report_bad_row(const Exec& exec, std::size_t index);

// Throws DamagedMessage naming the row and the rank that sent it.
[[noreturn]] void damaged(const Row& row, std::size_t index, std::size_t rank,
                          std::string_view what);

// Elements of the largest row.
std::size_t largest(std::span<const Row> rows);

}  // namespace terse
