#include "terse/compressors/quantizers/ternary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "terse/base/error.h"
#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/noise.h"
#include "terse/compressors/kernels/cpu/norm.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/kernels/cpu/quantize/levels.h"
#include "terse/compressors/kernels/cpu/quantize/signs.h"

namespace terse {
namespace {

constexpr unsigned kWidest = 16;
constexpr float kMostRanks = 32767;  // their sums fit into kWidest bits

// The width of codes of whole numbers in [-top, top].
struct Width {
  explicit Width(float level)
      : top(static_cast<std::uint32_t>(std::max(level, 1.0f))),
        bits(static_cast<unsigned>(std::bit_width(2 * top))) {
    if (bits > 8) bits = kWidest;
  }
  bool wide() const { return bits > 8; }

  std::uint32_t top;
  unsigned bits;
};

class TernGrad final : public BlockCodec {
 public:
  explicit TernGrad(double clip) : clip_(clip) {}
  std::string name() const override { return "terngrad"; }
  Traits traits() const override {
    return {.fixed_size = true, .summable = true, .shares_scale = true, .block = 16};
  }
  std::size_t capacity(std::uint32_t n, float level) const override {
    return n == 0 ? 0 : sizeof(float) + kernels::packed_bytes(n, Width(level).bits);
  }
  void check(float level, const Feedback& feedback) const override {
    if (!(level >= 0 && level <= kMostRanks && level == std::floor(level))) {
      fail<JobError>(
          "codec terngrad cannot add up {} ranks: its level is 0, or a whole number up to {}.",
          level, kMostRanks);
    }
    if (feedback.keeps_velocity()) {
      fail<JobError>(
          "codec terngrad reads a gradient twice and cannot be joined to a feedback with a "
          "velocity.");
    }
  }

 protected:
  std::uint32_t tile_size() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }

  bool needs_statistics(const Row& row) const override {
    return row.n > 0 && row.level == 0 && row.shared == nullptr;
  }
  void add_statistics(const float* v, std::uint32_t n, RowStatistics& statistics) const override {
    statistics.peak = std::max(statistics.peak, std::bit_cast<float>(kernels::peak_of(v, n)));
    if (clip_ == 0) return;
    const kernels::SignSums sums = kernels::sums_by_sign(v, n);
    statistics.sums[0] += static_cast<double>(sums.positives) - static_cast<double>(sums.negatives);
    statistics.sums[1] += squared_norm({v, n});
  }
  // The largest |v|, or `clip` standard deviations if that is less.
  float scale_of(const Row& row, const RowStatistics& statistics) const override {
    if (clip_ == 0 || row.n == 0) return statistics.peak;
    const double mean = statistics.sums[0] / row.n;
    const double variance = std::max(0.0, statistics.sums[1] / row.n - mean * mean);
    const auto bound = static_cast<float>(clip_ * std::sqrt(variance));
    // A row of equal values has no variance and is not clipped.
    return bound > 0 ? std::min(statistics.peak, bound) : statistics.peak;
  }

  RowStatus write_scale(const Row& row, const RowStatistics& statistics,
                        Bytes payload) const override {
    const float scale = scale_of(row, statistics);
    store(payload.data(), scale);
    return std::isfinite(scale) ? RowStatus::good : RowStatus::bad;
  }

  RowStatus encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    if (tile.at == 0 && tile.row.shared != nullptr) store(payload.data(), *tile.row.shared);
    if (tile.row.level > 0) return encode_integers(tile, v, payload, sink);
    const auto scale = load<float>(payload.data());
    auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
    std::fill_n(codes, round_up(tile.count, 8), std::uint8_t{0});
    if (scale > 0) {
      std::array<std::uint16_t, kernels::noise_capacity(kernels::kBlock)> drawn;
      const std::uint16_t* const noise =
          kernels::noise_run(key.stream(), tile.row.layer, std::uint64_t{tile.row.first} + tile.at,
                             tile.count, drawn.data());
      kernels::to_ternary(v, noise, scale, {codes, sink}, tile.count);
    } else if (sink.output != kernels::DecodeOutput::nothing) {
      for (std::uint32_t i = 0; i < tile.count; ++i)
        sink.to[i] = sink.output == kernels::DecodeOutput::difference ? v[i] : 0.0f;
    }
    const unsigned bits = Width(0).bits;
    kernels::pack(codes, tile.count, bits, codes_at(payload, tile.at, bits));
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const Width width(tile.row.level);
    const float unit = tile.row.shared != nullptr ? 1.0f : load<float>(payload.data());
    const std::byte* const from = payload.data() + sizeof(float) + bytes_at(tile.at, width.bits);
    if (width.wide()) {
      auto* const codes = reinterpret_cast<std::uint16_t*>(tile.workspace.data());
      std::memcpy(codes, from, tile.count * sizeof(*codes));
      add ? kernels::add_integers(codes, unit, acc, tile.count)
          : kernels::from_integers(codes, unit, acc, tile.count);
    } else {
      auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
      kernels::unpack(from, tile.count, width.bits, codes);
      add ? kernels::add_integers(codes, unit, acc, tile.count)
          : kernels::from_integers(codes, unit, acc, tile.count);
    }
  }

  PayloadError find_error(const Row& row, ConstBytes payload) const override {
    if (row.n == 0) return {};
    const auto scale = load<float>(payload.data());
    if (!(scale >= 0 && std::isfinite(scale)))
      return "its scale is negative or not a finite number";
    if (row.shared != nullptr && scale != *row.shared && scale != 0)
      return "its scale is not the one that the ranks agreed on";
    if (!codes_fit(row, payload)) return "a code is larger than the number of ranks";
    return {};
  }

 private:
  static std::size_t bytes_at(std::uint32_t at, unsigned bits) {
    return std::size_t{at} / 8 * bits;
  }
  static std::byte* codes_at(Bytes payload, std::uint32_t at, unsigned bits) {
    return payload.data() + sizeof(float) + bytes_at(at, bits);
  }

  // Encodes whole numbers, which is exact.
  static RowStatus encode_integers(const Tile& tile, const float* v, Bytes payload,
                                   DecodeSink sink) {
    const Width width(tile.row.level);
    std::byte* const to = codes_at(payload, tile.at, width.bits);
    if (width.wide()) {
      auto* const codes = reinterpret_cast<std::uint16_t*>(tile.workspace.data());
      kernels::to_integers(v, codes, tile.count);
      std::memcpy(to, codes, tile.count * sizeof(*codes));
    } else {
      auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
      std::fill_n(codes, round_up(tile.count, 8), std::uint8_t{0});
      kernels::to_integers(v, codes, tile.count);
      kernels::pack(codes, tile.count, width.bits, to);
    }
    for (std::uint32_t i = 0; sink.to != nullptr && i < tile.count; ++i)
      sink.to[i] = sink.output == kernels::DecodeOutput::difference ? 0.0f : v[i];
    return RowStatus::good;
  }

  static bool codes_fit(const Row& row, ConstBytes payload) {
    const Width width(row.level);
    alignas(16) std::array<std::uint8_t, kernels::kBlock + 8> codes;
    std::uint32_t largest = 0;
    for (std::uint32_t at = 0; at < row.n; at += kernels::kBlock) {
      const std::uint32_t n = std::min<std::uint32_t>(kernels::kBlock, row.n - at);
      const std::byte* const from = payload.data() + sizeof(float) + bytes_at(at, width.bits);
      if (width.wide()) {
        for (std::uint32_t i = 0; i < n; ++i)
          largest = std::max<std::uint32_t>(largest, load<std::uint16_t>(from + 2 * i));
      } else {
        kernels::unpack(from, n, width.bits, codes.data());
        for (std::uint32_t i = 0; i < n; ++i) largest = std::max<std::uint32_t>(largest, codes[i]);
      }
    }
    return largest <= 2 * width.top;
  }

  double clip_;
};

}  // namespace

std::shared_ptr<const Codec> make_terngrad(double clip) {
  if (!(clip == 0 || (clip >= 1 && clip <= 100))) {
    fail<JobError>(
        "codec terngrad cannot clip at {} standard deviations: it takes 1 to 100, or 0 for no "
        "clipping.",
        clip);
  }
  return std::make_shared<TernGrad>(clip);
}

}  // namespace terse
