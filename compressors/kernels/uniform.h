// Runs of uniform numbers from the counter-based generator, many counters side by side.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

// out[j] = unit_float(philox(stream, i / 4, layer)[i % 4]) for i = 4 * quad + j, j < 4 * quads.
void uniform_quads(std::uint64_t stream, std::uint64_t layer, std::uint32_t quad, std::size_t quads,
                   float* out);

// The numbers of elements [first, first + n), n > 0, of a layer; returns where in `out` they begin.
// `out` has room for n + 8.
const float* uniform_run(std::uint64_t stream, std::uint64_t layer, std::uint64_t first,
                         std::size_t n, float* out);

}  // namespace terse::kernels
