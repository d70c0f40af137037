// A gradient with its memories, and what it takes to move them.
#pragma once

#include <cstdint>
#include <vector>

#include "terse/bench/lines.h"

namespace terse {

// ResNet-50's tensors one after another, each from a multiple of 16 elements on.
class Arena {
 public:
  Arena();
  std::size_t elements() const { return elements_; }  // of the tensors alone
  std::span<const Row> rows() const { return rows_; }
  // Fresh values: small numbers of both signs in gradient and residual, zeros in the velocity.
  void fill();

  std::vector<float> gradient, residual, velocity;

 private:
  std::size_t elements_ = 0;
  std::vector<Row> rows_;
};

// Moves the streams once, block by block; `payload` has room for them. Seconds it took.
double move_streams(const Streams& streams, Arena& arena, std::vector<std::byte>& payload);

}  // namespace terse
