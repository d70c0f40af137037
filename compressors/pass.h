// What passes over a table of rows share: working memory, progress, the frames that a row is
// written to and read from, and errors.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string_view>

#include "terse/compressors/codec.h"

namespace terse {

// The bytes of Exec::scratch that an array takes; a codec's scratch() is a sum of these.
template <class T>
constexpr std::size_t scratch_bytes(std::size_t count) {
  return round_up(count * sizeof(T), 64);
}

// A bump allocator over Exec::scratch. Does not own the memory.
class Scratch {
 public:
  explicit Scratch(Bytes left) : left_(left) {}

  // An uninitialized array, 64-byte aligned. Throws Error if too little memory is left.
  template <class T>
  std::span<T> take(std::size_t count) {
    const Bytes part = take_bytes(scratch_bytes<T>(count));
    return {reinterpret_cast<T*>(part.data()), count};
  }

 private:
  Bytes take_bytes(std::size_t bytes);
  Bytes left_;
};

// Counts processed elements and calls Exec::drive() every 256 KB.
class ProgressMeter {
 public:
  explicit ProgressMeter(const Exec& exec) : exec_(exec) {}
  void add(std::size_t elements) {
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

// The ranks whose frames contribute to a decoded row: one, or all.
struct SourceRanks {
  std::size_t begin, end;
};
// Throws Error if the row names a missing frame, or the frame has no such row.
SourceRanks source_ranks_of(const Row& row, const Mailbox& in);

// The frame that a row is written to, with `bytes` free; throws Error if there is none.
Frame& output_frame(const Row& row, Mailbox& out, std::size_t bytes);

// Throws Error if `feedback` keeps a residual and the row has no memory for it.
void require_residual(const Row& row, const Feedback& feedback);

// Whether a row could be encoded. A bad one has a value that is not finite or that the codec cannot
// hold; it is sent as zeros and reported.
enum class [[nodiscard]] RowStatus{good, bad};

void report_bad_row(const Exec& exec, std::size_t index);

// Throws DamagedMessage naming the row and the rank that sent it.
[[noreturn]] void throw_damaged(const Row& row, std::size_t index, std::size_t rank,
                                std::string_view what);

// The number of elements of the largest row.
std::size_t largest_row(std::span<const Row> rows);

}  // namespace terse
