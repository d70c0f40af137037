#include "terse/compressors/casts/fp8.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "terse/base/error.h"
#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/quantize/float8.h"

namespace terse {
namespace {

using kernels::Float8;

constexpr std::uint32_t kLeastBlock = 32, kLargestBlock = 128;
constexpr int kBias = 127, kLeastExponent = -126;

// The differences between the two types.
struct Type {
  const char* name;
  Float8 kind;
  float largest;
  int exponent;         // of the largest number
  std::uint32_t limit;  // the bits of the smallest |v| that rounds to 2^128
};
constexpr Type kE4m3{"fp8", Float8::e4m3, kernels::kLargestE4m3, 8, 0x7f780000u};
constexpr Type kE5m2{"fp8_e5m2", Float8::e5m2, kernels::kLargestE5m2, 15, 0x7f700000u};

class Fp8 final : public BlockCodec {
 public:
  Fp8(const Type& type, std::uint32_t block)
      : type_(type), block_(block), cut_(std::lcm(block, 8u)) {}

  std::string name() const override { return type_.name; }
  Traits traits() const override { return {.fixed_size = true, .block = cut_}; }
  std::size_t capacity(std::uint32_t n, float) const override { return blocks_of(n) + n; }
  void check(float, const Feedback&) const override {}

 protected:
  std::uint32_t tile_size() const override { return cut_ * ((kernels::kBlock + cut_ - 1) / cut_); }
  std::uint32_t limit() const override { return type_.limit; }

  RowStatus encode_tile(const Tile& tile, const Key&, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    auto* const bytes = reinterpret_cast<std::uint8_t*>(payload.data());
    for (std::uint32_t at = 0; at < tile.count; at += block_) {
      const std::uint32_t n = std::min(block_, tile.count - at);
      const int k = exponent_of(std::bit_cast<float>(kernels::peak_of(v + at, n)));
      bytes[(tile.at + at) / block_] = static_cast<std::uint8_t>(k + kBias);
      kernels::to_float8(type_.kind, v + at, k, bytes + codes_at(tile, at), sink.from(at), n);
    }
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
    for (std::uint32_t at = 0; at < tile.count; at += block_) {
      const std::uint32_t n = std::min(block_, tile.count - at);
      const int k = bytes[(tile.at + at) / block_] - kBias;
      (add ? kernels::add_float8 : kernels::from_float8)(type_.kind, bytes + codes_at(tile, at), k,
                                                         acc + at, n);
    }
  }

  PayloadError find_error(const Row& row, ConstBytes payload) const override {
    const ConstBytes exponents = payload.first(blocks_of(row.n));
    const bool valid = std::ranges::all_of(exponents, [this](std::byte exponent) {
      return static_cast<int>(exponent) <= kBias + 128 - type_.exponent;
    });
    if (!valid) return "a block's exponent is larger than any number needs";
    return {};
  }

 private:
  // The smallest k with peak / 2^k <= the largest number.
  int exponent_of(float peak) const {
    int exponent;
    const float significand = std::frexp(peak, &exponent);  // in [0.5, 1), or 0
    const int k = exponent - 1 - type_.exponent;
    const bool above = std::ldexp(significand, type_.exponent + 1) > type_.largest;
    return std::max(kLeastExponent, peak == 0 ? kLeastExponent : k + (above ? 1 : 0));
  }
  std::size_t blocks_of(std::uint32_t n) const { return (std::size_t{n} + block_ - 1) / block_; }
  std::size_t codes_at(const Tile& tile, std::uint32_t at) const {
    return blocks_of(tile.row.n) + tile.at + at;
  }

  const Type& type_;
  std::uint32_t block_, cut_;
};

std::uint32_t checked(const Type& type, std::uint32_t block) {
  if (block < kLeastBlock || block > kLargestBlock) {
    fail<JobError>("codec {} cannot use blocks of {} elements: a block has {} to {}.", type.name,
                   block, kLeastBlock, kLargestBlock);
  }
  return block;
}

}  // namespace

std::shared_ptr<const Codec> make_fp8_e4m3(std::uint32_t block) {
  return std::make_shared<Fp8>(kE4m3, checked(kE4m3, block));
}
std::shared_ptr<const Codec> make_fp8_e5m2(std::uint32_t block) {
  return std::make_shared<Fp8>(kE5m2, checked(kE5m2, block));
}

}  // namespace terse
