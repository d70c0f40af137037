// A gradient with residual and velocity, and the movement of the same bytes without computing.
#pragma once

#include <cstdint>
#include <vector>

#include "terse/launch/bench/codecs/cases.h"

namespace terse {

// ResNet-50's tensors one after another, each at a multiple of 16 elements.
class Arena {
 public:
  Arena();
  std::size_t elements() const { return elements_; }  // without padding
  std::span<const Row> rows() const { return rows_; }
  // From the first element of some neighboring rows to the end of the last.
  struct Range {
    std::size_t begin, end;
  };
  Range range_of(std::span<const Row> rows) const {
    return {static_cast<std::size_t>(rows.front().grad - gradient.data()),
            static_cast<std::size_t>(rows.back().grad - gradient.data()) + rows.back().n};
  }
  // Refills gradient and residual with small numbers of both signs, and the velocity with zeros.
  void fill();

  std::vector<float> gradient, residual, velocity;

 private:
  std::size_t elements_ = 0;
  std::vector<Row> rows_;
};

// The streams of a pass without its arithmetic.
class MemoryMover {
 public:
  MemoryMover(const Streams& streams, Arena& arena);
  // Moves the streams of a range once, block by block; `payload` is as large as the whole arena's.
  void move(Arena::Range range, std::span<std::byte> payload) const;

 private:
  void scatter(Arena::Range range) const;

  const Streams& streams_;
  Arena& arena_;
  std::vector<std::uint16_t> gaps_;  // between elements to add to, used cyclically
};

}  // namespace terse
