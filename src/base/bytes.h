// Views of raw bytes, and little-endian loads and stores without alignment requirements. Sizes in
// bytes are spans of std::byte or are named *_bytes; all other sizes count elements.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace terse {

static_assert(std::endian::native == std::endian::little,
              "the wire and the files are little-endian");

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

template <class T>
requires std::is_trivially_copyable_v<T> T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
requires std::is_trivially_copyable_v<T>
void store(std::byte* to, const T& value) { std::memcpy(to, &value, sizeof(T)); }

template <class T>
ConstBytes bytes_of(std::span<const T> values) {
  return std::as_bytes(values);
}

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace terse
