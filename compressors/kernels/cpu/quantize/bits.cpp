#include "terse/compressors/kernels/cpu/quantize/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "terse/compressors/kernels/cpu/dispatch.h"

namespace terse::kernels {
namespace {

constexpr std::uint64_t kNone = ~std::uint64_t{0};

std::uint64_t load_until(const std::byte* from, const std::byte* end) {
  std::uint64_t word = 0;
  if (from < end) std::memcpy(&word, from, std::min<std::size_t>(8, end - from));
  return word;
}

// Field i of a run of fields. A field of at most 32 bits lies within eight bytes.
template <bool kWhole>
TERSE_INLINE std::uint64_t field(const std::byte* from, const std::byte* end, std::size_t bit,
                                 std::uint64_t mask) {
  const std::byte* const at = from + bit / 8;
  return ((kWhole ? load<std::uint64_t>(at) : load_until(at, end)) >> (bit % 8)) & mask;
}

template <bool kWhole>
TERSE_INLINE std::uint64_t sum_body(const std::byte* from, const std::byte* end, unsigned width,
                                    std::uint32_t count) {
  const std::uint64_t mask = (1ull << width) - 1;
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    sum += field<kWhole>(from, end, std::size_t{i} * width, mask);
  return sum;
}

template <bool kWhole>
TERSE_INLINE void gaps_body(const std::byte* from, const std::byte* end, std::uint32_t before,
                            unsigned width, std::uint32_t count, std::uint32_t* into) {
  const std::uint64_t mask = (1ull << width) - 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    before +=
        1 + static_cast<std::uint32_t>(field<kWhole>(from, end, std::size_t{i} * width, mask));
    into[i] = before;
  }
}

// The j-th one of the unary bits, at bit p, says that the first j + 1 gaps have rests of p - j in
// sum: so an index is known from the position of its one and the sum of the low fields.
template <bool kWhole>
TERSE_INLINE void rice_body(const std::byte* low, const std::byte* high, const std::byte* end,
                            const std::byte* limit, std::uint64_t first, unsigned shift,
                            std::uint32_t count, std::uint32_t* into) {
  const std::uint64_t mask = (1ull << shift) - 1;
  std::uint64_t sum = first + 1;
  std::uint32_t j = 0;
  std::size_t bit = 0;
  for (std::uint64_t base = 0; high < end; base += 64, high += 8) {
    std::uint64_t word = load_until(high, end);
    const auto ones = static_cast<std::uint32_t>(std::popcount(word));
    for (const std::uint32_t until = j + std::min(ones, count - j); j < until; ++j) {
      const auto place = static_cast<std::uint64_t>(std::countr_zero(word));
      word &= word - 1;
      sum += field<kWhole>(low, limit, bit, mask);
      bit += shift;
      into[j] = static_cast<std::uint32_t>(sum + j + ((base + place - j) << shift));
    }
  }
}

// Whether all fields may be read by eight bytes.
bool is_whole(const std::byte* from, const std::byte* end, std::size_t bits) {
  return static_cast<std::size_t>(end - from) >= bytes_for(bits) + 8;
}

std::uint64_t sum_of_fields(const std::byte* from, const std::byte* end, unsigned width,
                            std::uint32_t count) {
  return is_whole(from, end, std::size_t{count} * width) ? sum_body<true>(from, end, width, count)
                                                         : sum_body<false>(from, end, width, count);
}

// The bit of the last of `count` ones, if the unary bits end in the byte that holds it.
std::uint64_t last_one(const std::byte* high, const std::byte* end, std::uint32_t count) {
  std::uint32_t ones = 0;
  for (std::uint64_t base = 0; high < end && base <= 0xffffffffu; base += 64, high += 8) {
    const std::uint64_t word = load_until(high, end);
    ones += static_cast<std::uint32_t>(std::popcount(word));
    if (ones < count) continue;
    const auto width = static_cast<std::size_t>(std::bit_width(word));
    const bool ends = static_cast<std::size_t>(end - high) == bytes_for(width);
    return ones == count && ends ? base + width - 1 : kNone;
  }
  return kNone;
}

}  // namespace

void write_fields(std::span<const std::uint32_t> values, unsigned width, std::byte* to) {
  std::uint64_t pending = 0;
  unsigned bits = 0;
  for (const std::uint32_t value : values) {
    pending |= (value & ((1ull << width) - 1)) << bits;
    bits += width;
    if (bits < 32) continue;
    store(to, static_cast<std::uint32_t>(pending));
    to += 4;
    pending >>= 32;
    bits -= 32;
  }
  std::memcpy(to, &pending, bytes_for(bits));
}

std::uint64_t last_of_gaps(const std::byte* from, const std::byte* end, std::uint32_t first,
                           unsigned width, std::uint32_t count) {
  return std::uint64_t{first} + count + sum_of_fields(from, end, width, count);
}

void read_gaps(const std::byte* from, const std::byte* end, std::uint32_t first, unsigned width,
               std::uint32_t count, std::uint32_t* into) {
  if (is_whole(from, end, std::size_t{count} * width)) {
    gaps_body<true>(from, end, first, width, count, into);
  } else {
    gaps_body<false>(from, end, first, width, count, into);
  }
}

void write_unary(std::span<const std::uint32_t> values, std::byte* to) {
  std::size_t bit = 0;
  for (const std::uint32_t value : values) {
    bit += value;
    to[bit / 8] |= static_cast<std::byte>(1u << bit % 8);
    ++bit;
  }
}

std::uint64_t last_of_rice(const std::byte* low, const std::byte* high, const std::byte* end,
                           const std::byte* limit, std::uint32_t first, unsigned shift,
                           std::uint32_t count) {
  if (count == 0) return high == end ? first : kNone;
  const std::uint64_t place = last_one(high, end, count);
  if (place == kNone) return kNone;
  return std::uint64_t{first} + count + sum_of_fields(low, limit, shift, count) +
         ((place - (count - 1)) << shift);
}

void read_rice(const std::byte* low, const std::byte* high, const std::byte* end,
               const std::byte* limit, std::uint32_t first, unsigned shift, std::uint32_t count,
               std::uint32_t* into) {
  if (is_whole(low, limit, std::size_t{count} * shift)) {
    rice_body<true>(low, high, end, limit, first, shift, count, into);
  } else {
    rice_body<false>(low, high, end, limit, first, shift, count, into);
  }
}

}  // namespace terse::kernels
