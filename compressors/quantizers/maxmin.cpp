#include "terse/compressors/quantizers/maxmin.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "terse/base/error.h"
#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/noise.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/kernels/cpu/quantize/quantize.h"

namespace terse {
namespace {

constexpr std::uint32_t kLargestBucket = 65536;
constexpr float kLeastUnit = 1e-10f;
constexpr std::uint32_t kRun = 1024;  // elements whose random numbers are drawn together

struct Scale {
  float unit, low;
  float high(float top) const { return low + unit * top; }
};
static_assert(sizeof(Scale) == 8);

class MaxMin final : public BlockCodec {
 public:
  MaxMin(std::uint32_t bucket, bool stochastic)
      : bucket_(bucket), block_(std::lcm(bucket, 8u)), stochastic_(stochastic) {}

  std::string name() const override { return "maxmin"; }
  Traits traits() const override { return {.fixed_size = true, .block = block_}; }
  std::size_t capacity(std::uint32_t n, float level) const override {
    return scales_bytes(n) + kernels::packed_bytes(n, bits_of(level));
  }

  void check(float level, const Feedback&) const override {
    if (!(level >= 1 && level <= 8 && level == std::floor(level))) {
      fail<JobError>(
          "codec maxmin cannot send {} bits an element: it takes a whole number from 1 to 8.",
          level);
    }
  }

 protected:
  std::uint32_t tile_size() const override {
    return block_ * ((kernels::kBlock / 2 + block_ - 1) / block_);
  }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }

  bool wants_ranges() const override {
    return bucket_ % kernels::kStretch == 0 && tile_size() <= kernels::kBlock;
  }

  RowStatus encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    const unsigned bits = bits_of(tile.row.level);
    const float top = top_of(tile.row.level);
    std::byte* const packed = payload.data() + codes_at(tile.row, tile.at);
    // Eight-bit codes need no packing.
    auto* const codes = reinterpret_cast<std::uint8_t*>(bits == 8 ? packed : tile.workspace.data());
    for (std::uint32_t at = 0; at < tile.count; at += bucket_) {
      const std::uint32_t n = std::min(bucket_, tile.count - at);
      const kernels::Range range =
          tile.fold != nullptr ? tile.fold->range(at, {v + at, n}) : kernels::range_of(v + at, n);
      const Scale scale{(range.high - range.low) / top, range.low};
      if (!std::isfinite(scale.high(top))) return RowStatus::bad;
      store(payload.data() + (tile.at + at) / bucket_ * sizeof(Scale), scale);
      if (scale.unit < kLeastUnit) {
        encode_constant({v + at, n}, scale.low, codes + at, sink.from(at));
      } else {
        encode_bucket(tile, key, at, {v + at, n},
                      {.low = scale.low,
                       .unit = scale.unit,
                       .top = top,
                       .codes = codes + at,
                       .sink = sink.from(at)});
      }
    }
    if (bits == 8) return RowStatus::good;
    std::fill(codes + tile.count, codes + round_up(tile.count, 8), std::uint8_t{0});
    kernels::pack(codes, tile.count, bits, packed);
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
    kernels::unpack(payload.data() + codes_at(tile.row, tile.at), tile.count,
                    bits_of(tile.row.level), codes);
    for (std::uint32_t at = 0; at < tile.count; at += bucket_) {
      const std::uint32_t n = std::min(bucket_, tile.count - at);
      const auto scale = load<Scale>(payload.data() + (tile.at + at) / bucket_ * sizeof(Scale));
      (add ? kernels::add_dequantized : kernels::dequantize)(codes + at, scale.low, scale.unit,
                                                             acc + at, n);
    }
  }

  PayloadError find_error(const Row& row, ConstBytes payload) const override {
    for (std::size_t at = 0; at < scales_bytes(row.n); at += sizeof(Scale)) {
      const auto scale = load<Scale>(payload.data() + at);
      if (!(scale.unit >= 0 && std::isfinite(scale.low) &&
            std::isfinite(scale.high(top_of(row.level))))) {
        return "a bucket's scale is negative or more than a float holds";
      }
    }
    return {};
  }

 private:
  static unsigned bits_of(float level) { return static_cast<unsigned>(level); }
  static float top_of(float level) { return static_cast<float>((1u << bits_of(level)) - 1); }
  std::size_t scales_bytes(std::uint32_t n) const {
    return (std::size_t{n} + bucket_ - 1) / bucket_ * sizeof(Scale);
  }
  // Tiles begin at multiples of 8 elements, so their codes begin at whole bytes.
  std::size_t codes_at(const Row& row, std::uint32_t at) const {
    return scales_bytes(row.n) + std::size_t{at} / 8 * bits_of(row.level);
  }

  // The same place in the next tile, or in this one if it is the last. The values of a sparse
  // message belong to no row in the arena.
  kernels::PrefetchHint prefetch_hint(const Tile& tile, std::uint32_t at, const float* v) const {
    const Row& row = tile.row;
    if (row.grad == nullptr) return {v, v};
    const std::uint32_t next = tile.at + at + (row.n - tile.at > 2 * tile.count ? tile.count : 0);
    return {row.grad + next, (row.e_in == nullptr ? row.grad : row.e_in) + next};
  }

  static void encode_constant(std::span<const float> v, float low, std::uint8_t* codes,
                              DecodeSink sink) {
    std::fill_n(codes, v.size(), std::uint8_t{0});
    for (std::size_t i = 0; sink.to != nullptr && i < v.size(); ++i)
      sink.to[i] = sink.output == kernels::DecodeOutput::difference ? v[i] - low : low;
  }

  // Encodes the bucket `v` that begins at element `at` of the tile.
  void encode_bucket(const Tile& tile, const Key& key, std::uint32_t at, std::span<const float> v,
                     const kernels::Quantization& bucket) const {
    std::array<std::uint16_t, kernels::noise_capacity(kRun)> drawn;
    for (std::size_t done = 0; done < v.size(); done += kRun) {
      kernels::Quantization run = bucket;
      run.values = v.data() + done;
      run.codes += done;
      run.sink = bucket.sink.from(done);
      run.next = prefetch_hint(tile, at + static_cast<std::uint32_t>(done), v.data() + done);
      run.n = std::min<std::size_t>(kRun, v.size() - done);
      if (stochastic_) {
        run.noise = kernels::noise_run(key.stream(), tile.row.layer,
                                       std::uint64_t{tile.row.first} + tile.at + at + done, run.n,
                                       drawn.data());
      }
      kernels::quantize(run);
    }
  }

  std::uint32_t bucket_, block_;
  bool stochastic_;
};

}  // namespace

std::shared_ptr<const Codec> make_maxmin(std::uint32_t bucket, bool stochastic) {
  if (bucket < 1 || bucket > kLargestBucket) {
    fail<JobError>("codec maxmin cannot use buckets of {} elements: a bucket has 1 to {}.", bucket,
                   kLargestBucket);
  }
  return std::make_shared<MaxMin>(bucket, stochastic);
}

}  // namespace terse
