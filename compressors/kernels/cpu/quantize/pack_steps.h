// How the eight fields of a 64-bit word are compacted: three steps, each of which closes the gaps
// between pairs of fields.
#pragma once

#include <array>
#include <cstdint>

namespace terse::kernels {

// The bits that stay and the bits that move, when pairs of fields of `width` bits with `used` bits
// each are joined.
struct PackStep {
  std::uint64_t stay, move;
  unsigned by;
};

constexpr PackStep step_of(unsigned width, unsigned used) {
  const std::uint64_t field = (1ull << used) - 1;
  PackStep step{0, 0, width - used};
  for (unsigned at = 0; at < 64; at += 2 * width) {
    step.stay |= field << at;
    step.move |= field << (at + width);
  }
  return step;
}

constexpr std::array<PackStep, 3> steps_of(unsigned bits) {
  return {step_of(8, bits), step_of(16, 2 * bits), step_of(32, 4 * bits)};
}

}  // namespace terse::kernels
