// The saved state of one rank as an HDF5 file in memory: an ordered list of named arrays and
// strings. Building the file in memory allows a checksum before its bytes are written to disk, and
// verification before HDF5 opens them again.
//
// Names are paths ("momentum/conv1.weight"): parts joined by '/', each part a link of an HDF5
// group. A part must not be empty, "." or "..", and no name may be the parent of another ("a" and
// "a/b"). Equal contents give equal bytes. Writers and readers are movable; one thread at a time
// may use each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "terse/base/bytes.h"

namespace terse {

enum class ArrayType { f32, f64, i64, u64, u8, text };

std::string_view type_name(ArrayType type);

namespace io_detail {
template <class T>
inline constexpr bool kIsByte = std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::byte>;
}  // namespace io_detail

template <class T>
concept StateElement = std::is_same_v<T, float> || std::is_same_v<T, double> ||
    std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::uint64_t> || io_detail::kIsByte<T>;

template <StateElement T>
constexpr ArrayType array_type() {
  if (std::is_same_v<T, float>) return ArrayType::f32;
  if (std::is_same_v<T, double>) return ArrayType::f64;
  if (std::is_same_v<T, std::int64_t>) return ArrayType::i64;
  if (std::is_same_v<T, std::uint64_t>) return ArrayType::u64;
  return ArrayType::u8;
}

// A span, vector or array of one of the element types.
template <class R>
concept StateRange =
    std::ranges::contiguous_range<R> && StateElement<std::ranges::range_value_t<R>>;

using Dims = std::span<const std::int64_t>;

class StateWriter {
 public:
  StateWriter();
  ~StateWriter();
  StateWriter(StateWriter&&) noexcept;
  StateWriter& operator=(StateWriter&&) noexcept;

  // Copies the values. `dims` is row-major and its product is the number of values (an empty `dims`
  // is a scalar); without `dims` the array has one dimension. Throws Error if the name is taken or
  // malformed, or if the dims do not match the values.
  template <StateRange R>
  void add(std::string_view name, const R& values, Dims dims) {
    add_bytes(name, array_type<std::ranges::range_value_t<R>>(), std::as_bytes(std::span(values)),
              dims);
  }
  template <StateRange R>
  void add(std::string_view name, const R& values) {
    const std::int64_t size = static_cast<std::int64_t>(std::ranges::size(values));
    add(name, values, Dims(&size, 1));
  }
  // `text` must not contain a zero byte.
  void add_text(std::string_view name, std::string_view text);

  // The bytes of the file. The writer is unusable afterwards.
  std::vector<std::byte> finish();

 private:
  void add_bytes(std::string_view name, ArrayType type, ConstBytes values, Dims dims);
  struct File;
  std::unique_ptr<File> file_;
};

class StateReader {
 public:
  // Copies the bytes. Throws Error unless a StateWriter wrote them. Verify their checksum first:
  // HDF5 may crash on damaged bytes.
  explicit StateReader(ConstBytes bytes);
  ~StateReader();
  StateReader(StateReader&&) noexcept;
  StateReader& operator=(StateReader&&) noexcept;

  // In the order in which they were added, including strings.
  std::vector<std::string> names() const;
  bool has(std::string_view name) const;
  ArrayType type(std::string_view name) const;
  std::vector<std::int64_t> dims(std::string_view name) const;
  // The number of elements, which the span passed to `read` must have.
  std::size_t size(std::string_view name) const;

  // Fills all of `into`. Throws Error naming what was expected and what was found if the array is
  // missing or has another type or number of elements; `into` is then unchanged.
  template <StateElement T>
  void read(std::string_view name, std::span<T> into) const {
    read_bytes(name, array_type<T>(), std::as_writable_bytes(into));
  }
  template <StateElement T>
  void read(std::string_view name, std::vector<T>& into) const {
    read(name, std::span<T>(into));
  }
  // The whole array, whatever its size.
  template <StateElement T>
  std::vector<T> read_all(std::string_view name) const {
    std::vector<T> values(size(name));
    read(name, std::span<T>(values));
    return values;
  }
  std::string read_text(std::string_view name) const;

 private:
  struct File;
  void read_bytes(std::string_view name, ArrayType type, Bytes into) const;
  std::unique_ptr<File> file_;
};

}  // namespace terse
