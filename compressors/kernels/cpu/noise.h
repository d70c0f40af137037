// Random bits for rounding, 16 an element, from the counter-based generator, many counters side by
// side.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terse::kernels {

// What a noise of 1 stands for: rounding takes it as a number in [0, 1).
inline constexpr float kNoiseUnit = 0x1.0p-16f;

// out[8 * q + j] = noise_of(noise_draw(stream, octet + q, layer), j) (random.h), for q < octets.
void noise_octets(std::uint64_t stream, std::uint64_t layer, std::uint32_t octet,
                  std::size_t octets, std::uint16_t* out);

// The noise of elements [first, first + n), n > 0, of a layer; returns where in `out` it begins.
// `out` has noise_capacity(n) elements.
constexpr std::size_t noise_capacity(std::size_t n) { return n + 16; }
const std::uint16_t* noise_run(std::uint64_t stream, std::uint64_t layer, std::uint64_t first,
                               std::size_t n, std::uint16_t* out);

}  // namespace terse::kernels
