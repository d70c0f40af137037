// Shared by the references: a bit writer, sums in their written order, noise.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "terse/compressors/codec.h"
#include "terse/compressors/reference/reference.h"

namespace terse::reference {

// Appends bits to bytes, from the lowest bit on.
class BitWriter {
 public:
  void bit(bool one) {
    if (used_ % 8 == 0) bytes_.push_back(std::byte{0});
    if (one) bytes_.back() |= static_cast<std::byte>(1u << used_ % 8);
    ++used_;
  }
  void bits(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) bit((value >> i & 1) != 0);
  }
  void align(std::size_t bytes) {
    while (used_ % (8 * bytes) != 0) bit(false);
  }
  std::size_t bytes_so_far() const { return bytes_.size(); }
  const Payload& payload() const { return bytes_; }

 private:
  Payload bytes_;
  std::size_t used_ = 0;
};

inline void append(Payload& payload, float value) {
  const std::size_t at = payload.size();
  payload.resize(at + sizeof(value));
  std::memcpy(payload.data() + at, &value, sizeof(value));
}
inline void append(Payload& payload, const Payload& more) {
  payload.insert(payload.end(), more.begin(), more.end());
}

// 32 interleaved partial sums of term(i), i < n, then a tree over them, all in T.
template <class T, class Term>
T sum_of(std::size_t n, Term&& term) {
  T lanes[32] = {};
  for (std::size_t i = 0; i < n; ++i) lanes[i % 32] += term(i);
  for (std::size_t half = 16; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}
inline double dot(std::span<const float> a, std::span<const float> b) {
  return sum_of<double>(a.size(), [&](std::size_t i) { return static_cast<double>(a[i]) * b[i]; });
}
// The sum of the values that are not negative, and that of the magnitudes of the others.
inline float sum_above(std::span<const float> v) {
  return sum_of<float>(v.size(), [&](std::size_t i) { return v[i] < 0 ? 0.0f : v[i]; });
}
inline float sum_below(std::span<const float> v) {
  return sum_of<float>(v.size(), [&](std::size_t i) { return v[i] < 0 ? -v[i] : 0.0f; });
}

// The rounding noise of element i of a row: in [0, 1), a multiple of 2^-16.
inline float noise_at(const FoldedRow& row, std::size_t i) {
  const std::uint64_t element = std::uint64_t{row.first} + i;
  const Philox4 draw = philox<7>(row.key.stream(), element / 8, row.layer);
  const std::uint32_t word = draw[element % 8 / 2];
  return static_cast<float>(element % 2 == 0 ? word & 0xffff : word >> 16) * 0x1.0p-16f;
}

inline float with_sign_of(float v, float magnitude) {
  return std::signbit(v) ? -magnitude : magnitude;
}

}  // namespace terse::reference
