// What one rank keeps between runs, as one HDF5 file in memory: an ordered list of named arrays and
// texts. Building the file in memory lets its bytes be checksummed before they reach a disk, and
// checked before HDF5 opens them again.
//
// Names are paths ("momentum/conv1.weight"): parts joined by '/', each part a link of an HDF5
// group. A part is not empty, "." or "..", and no name is the beginning of another ("a" and "a/b").
// Equal contents give equal bytes. Writer and reader are movable and each belongs to one thread at
// a time; different ones may be used by different threads.
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

  // Copies the values. `dims` is row-major and multiplies to the number of values (an empty `dims`
  // is a scalar); without `dims` the array has one dimension. Throws Error if the name is taken or
  // malformed, or the dims do not fit.
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
  // `text` has no zero byte.
  void add_text(std::string_view name, std::string_view text);

  // The bytes of the file. Ends the writer: nothing may be added afterwards.
  std::vector<std::byte> finish();

 private:
  void add_bytes(std::string_view name, ArrayType type, ConstBytes values, Dims dims);
  struct File;
  std::unique_ptr<File> file_;
};

class StateReader {
 public:
  // Copies the bytes. Throws Error unless they are a file that a StateWriter made. Give it bytes
  // whose checksum was verified: HDF5 is not made to withstand damaged ones.
  explicit StateReader(ConstBytes bytes);
  ~StateReader();
  StateReader(StateReader&&) noexcept;
  StateReader& operator=(StateReader&&) noexcept;

  // In the order in which they were added, texts included.
  std::vector<std::string> names() const;
  bool has(std::string_view name) const;
  ArrayType type(std::string_view name) const;
  std::vector<std::int64_t> dims(std::string_view name) const;
  // The number of elements: what the span given to `read` must hold.
  std::size_t size(std::string_view name) const;

  // Fills all of `into`. Throws Error naming what was expected and what was found if the array is
  // missing or is of another type or number of elements; `into` is then as it was.
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
