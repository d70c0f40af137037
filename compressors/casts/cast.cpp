#include "terse/compressors/casts/cast.h"

#include <algorithm>
#include <cstring>

#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/kernels/cpu/sum.h"

namespace terse {
namespace {

constexpr std::uint32_t kBlock =
    16;  // keeps the parts of a cut layer aligned to 64 bytes in the arena

class None final : public BlockCodec {
 public:
  std::string name() const override { return "none"; }
  Traits traits() const override { return {.fixed_size = true, .summable = true, .block = kBlock}; }
  std::size_t capacity(std::uint32_t n, float) const override {
    return std::size_t{n} * sizeof(float);
  }
  void check(float, const Feedback&) const override {}

 protected:
  std::uint32_t tile_size() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }

  RowStatus encode_tile(const Tile& tile, const Key&, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    std::memcpy(payload.data() + tile.at * sizeof(float), v, tile.count * sizeof(float));
    if (sink.output == kernels::DecodeOutput::decoded)
      std::memcpy(sink.to, v, tile.count * sizeof(float));
    if (sink.output == kernels::DecodeOutput::difference) std::fill_n(sink.to, tile.count, 0.0f);
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const std::byte* const from = payload.data() + tile.at * sizeof(float);
    if (add) {
      kernels::add_bytes(from, acc, tile.count);
    } else {
      std::memcpy(acc, from, tile.count * sizeof(float));
    }
  }
};

// The differences between fp16 and bf16.
struct HalfType {
  const char* name;
  std::uint32_t limit;
  void (*to)(const float*, std::uint16_t*, std::size_t);
  void (*from)(const std::uint16_t*, float*, std::size_t);
  void (*add)(const std::uint16_t*, float*, std::size_t);
  void (*residual)(const std::uint16_t*, const float*, float*, std::size_t);
  void (*weighted_sum)(const std::uint16_t*, const float*, float, float*, std::size_t);
};

constexpr HalfType kFp16{"fp16",
                         kernels::kFp16Limit,
                         kernels::to_fp16,
                         kernels::from_fp16,
                         kernels::add_fp16,
                         kernels::residual_of_fp16,
                         kernels::weighted_sum_fp16};
constexpr HalfType kBf16{"bf16",
                         kernels::kBf16Limit,
                         kernels::to_bf16,
                         kernels::from_bf16,
                         kernels::add_bf16,
                         kernels::residual_of_bf16,
                         kernels::weighted_sum_bf16};

class Half final : public BlockCodec {
 public:
  explicit Half(const HalfType& type) : type_(type) {}
  std::string name() const override { return type_.name; }
  Traits traits() const override { return {.fixed_size = true, .block = kBlock}; }
  std::size_t capacity(std::uint32_t n, float) const override {
    return std::size_t{n} * sizeof(std::uint16_t);
  }
  void check(float, const Feedback&) const override {}

 protected:
  std::uint32_t tile_size() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return type_.limit; }

  RowStatus encode_tile(const Tile& tile, const Key&, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    std::byte* const to = payload.data() + tile.at * sizeof(std::uint16_t);
    auto* const halves = reinterpret_cast<std::uint16_t*>(aligned(to) ? to : tile.workspace.data());
    type_.to(v, halves, tile.count);
    if (!aligned(to)) std::memcpy(to, halves, tile.count * sizeof(*halves));
    if (sink.output == kernels::DecodeOutput::decoded) type_.from(halves, sink.to, tile.count);
    if (sink.output == kernels::DecodeOutput::difference)
      type_.residual(halves, v, sink.to, tile.count);
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    (add ? type_.add : type_.from)(halves_of(tile, payload), acc, tile.count);
  }

  bool finish_tile(const Tile& tile, ConstBytes payload, const float* base, float weight,
                   float* out) const override {
    type_.weighted_sum(halves_of(tile, payload), base, weight, out, tile.count);
    return true;
  }

 private:
  // A payload that is not aligned is copied through the workspace.
  static bool aligned(const std::byte* at) {
    return reinterpret_cast<std::uintptr_t>(at) % alignof(std::uint16_t) == 0;
  }
  static const std::uint16_t* halves_of(const Tile& tile, ConstBytes payload) {
    const std::byte* const from = payload.data() + tile.at * sizeof(std::uint16_t);
    if (aligned(from)) return reinterpret_cast<const std::uint16_t*>(from);
    std::memcpy(tile.workspace.data(), from, tile.count * sizeof(std::uint16_t));
    return reinterpret_cast<const std::uint16_t*>(tile.workspace.data());
  }

  const HalfType& type_;
};

}  // namespace

std::shared_ptr<const Codec> make_none() { return std::make_shared<None>(); }
std::shared_ptr<const Codec> make_fp16() { return std::make_shared<Half>(kFp16); }
std::shared_ptr<const Codec> make_bf16() { return std::make_shared<Half>(kBf16); }

}  // namespace terse
