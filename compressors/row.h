// A row is one run of one layer: all that a codec knows of it. A pass over a group works on a table
// of rows, built once when a plan is adopted. Rows point into memory that others own (the gradient
// arena, the rank's State).
#pragma once

#include <cstdint>

namespace terse {

// Row::frame when decoding: the sum over all ranks, in rank order, rather than one rank's frame.
inline constexpr std::int16_t kEvery = -1;

struct Row {
  const float* grad = nullptr;  // n gradients, in the arena
  float* out = nullptr;         // n results; may be the same memory as grad
  const float* e_in = nullptr;  // residual before the step; null reads as zeros
  float* e_out = nullptr;       // residual after it: the memory of e_in, or the other of a pair
  const float* u_in = nullptr;  // velocity, likewise
  float* u_out = nullptr;
  const float* base_in = nullptr;  // running mean of the ranks' estimates (EF21), likewise
  float* base_out = nullptr;
  const float* scale = nullptr;   // factor on grad (local clipping); null: 1
  const float* shared = nullptr;  // the scale that the ranks agreed on (Traits.shares_scale)
  std::uint64_t layer = 0;        // hash of the parameter's name: random numbers and wire tag
  std::uint32_t first = 0;        // index in the layer of this run's first element
  std::uint32_t n = 0;            // elements
  std::uint32_t n0 = 0, n1 = 0;   // rows and columns of the layer as a matrix; 0: not a matrix
  float level = 0;                // bits, density or rank, as the codec interprets it
  std::int16_t frame = kEvery;  // encode: the frame to write to; decode: the one to read, or kEvery
  std::uint32_t slot = 0;       // index of this row in that frame
};

}  // namespace terse
