// Random bits for stochastic rounding, 16 per element, from the counter-based generator (Philox),
// many counters side by side.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

// Noise times this is a number in [0, 1).
inline constexpr float kNoiseUnit = 0x1.0p-16f;

// out[8 * q + j] = noise_of(noise_draw(stream, octet + q, layer), j) (random.h), for q < octets.
void noise_octets(std::uint64_t stream, std::uint64_t layer, std::uint32_t octet,
                  std::size_t octets, std::uint16_t* out);

// Writes the noise of elements [first, first + n) of a layer, n > 0, and returns where in `out` it
// begins. `out` has noise_capacity(n) elements.
constexpr std::size_t noise_capacity(std::size_t n) { return n + 16; }
const std::uint16_t* noise_run(std::uint64_t stream, std::uint64_t layer, std::uint64_t first,
                               std::size_t n, std::uint16_t* out);

}  // namespace terse::kernels
