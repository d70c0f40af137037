#include "terse/compressors/quantizers/qsgd.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "terse/base/error.h"
#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/noise.h"
#include "terse/compressors/kernels/cpu/norm.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/kernels/cpu/quantize/levels.h"

namespace terse {
namespace {

using kernels::CodeOutput;
using kernels::LevelFormat;

constexpr std::uint32_t kLargestBucket = 65536;
constexpr float kLeastUnit = 1e-30f;
constexpr std::uint32_t kRun = 1024;  // elements whose random numbers are drawn together

enum class Norm { two, max };

// The differences between qsgd and nuqsgd.
struct Quantizer {
  const char* name;
  void (*to)(const float*, const std::uint16_t*, LevelFormat, CodeOutput, std::size_t);
  void (*from)(const std::uint8_t*, LevelFormat, float*, std::size_t);
  void (*add)(const std::uint8_t*, LevelFormat, float*, std::size_t);
  bool uniform;
};
constexpr Quantizer kQsgd{"qsgd", kernels::to_uniform_levels, kernels::from_uniform_levels,
                          kernels::add_uniform_levels, true};
constexpr Quantizer kNuqsgd{"nuqsgd", kernels::to_exponential_levels,
                            kernels::from_exponential_levels, kernels::add_exponential_levels,
                            false};

float norm_of(Norm norm, const float* v, std::size_t n) {
  if (norm == Norm::max) return std::bit_cast<float>(kernels::peak_of(v, n));
  return static_cast<float>(std::sqrt(squared_norm({v, n})));
}

class Qsgd final : public BlockCodec {
 public:
  Qsgd(const Quantizer& quantizer, std::uint32_t bucket, Norm norm)
      : quantizer_(quantizer), bucket_(bucket), block_(std::lcm(bucket, 8u)), norm_(norm) {}

  std::string name() const override { return quantizer_.name; }
  Traits traits() const override { return {.fixed_size = true, .block = block_}; }
  std::size_t capacity(std::uint32_t n, float level) const override {
    return norms_bytes(n) + kernels::packed_bytes(n, bits_of(level));
  }
  void check(float level, const Feedback&) const override {
    if (!(level >= 2 && level <= 8 && level == std::floor(level))) {
      fail<JobError>(
          "codec {} cannot send {} bits an element: it takes a whole number from 2 to 8.", name(),
          level);
    }
  }

 protected:
  std::uint32_t tile_size() const override {
    return block_ * ((kernels::kBlock + block_ - 1) / block_);
  }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }

  RowStatus encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    const unsigned bits = bits_of(tile.row.level);
    auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
    for (std::uint32_t at = 0; at < tile.count; at += bucket_) {
      const std::uint32_t n = std::min(bucket_, tile.count - at);
      float norm = norm_of(norm_, v + at, n);
      if (!std::isfinite(largest_of(norm, bits))) return RowStatus::bad;
      const LevelFormat format{unit_of(norm, bits), bits};
      const CodeOutput out{codes + at, sink.from(at)};
      if (format.unit < kLeastUnit) {
        norm = 0;
        send_zeros({v + at, n}, out);
      } else {
        code(tile, key, at, {v + at, n}, format, out);
      }
      store(payload.data() + (tile.at + at) / bucket_ * sizeof(float), norm);
    }
    std::fill(codes + tile.count, codes + round_up(tile.count, 8), std::uint8_t{0});
    kernels::pack(codes, tile.count, bits, payload.data() + codes_at(tile.row, tile.at));
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const unsigned bits = bits_of(tile.row.level);
    auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
    kernels::unpack(payload.data() + codes_at(tile.row, tile.at), tile.count, bits, codes);
    for (std::uint32_t at = 0; at < tile.count; at += bucket_) {
      const std::uint32_t n = std::min(bucket_, tile.count - at);
      const auto norm = load<float>(payload.data() + (tile.at + at) / bucket_ * sizeof(float));
      (add ? quantizer_.add : quantizer_.from)(codes + at, {unit_of(norm, bits), bits}, acc + at,
                                               n);
    }
  }

  PayloadError find_error(const Row& row, ConstBytes payload) const override {
    for (std::size_t at = 0; at < norms_bytes(row.n); at += sizeof(float)) {
      const auto norm = load<float>(payload.data() + at);
      if (!(norm >= 0 && std::isfinite(largest_of(norm, bits_of(row.level)))))
        return "a bucket's norm is negative or more than a float holds";
    }
    return {};
  }

 private:
  static unsigned bits_of(float level) { return static_cast<unsigned>(level); }
  float unit_of(float norm, unsigned bits) const {
    return quantizer_.uniform ? norm / static_cast<float>((1u << (bits - 1)) - 1) : norm;
  }
  // The value that the highest level decodes to.
  float largest_of(float norm, unsigned bits) const {
    return quantizer_.uniform ? unit_of(norm, bits) * static_cast<float>((1u << (bits - 1)) - 1)
                              : norm;
  }
  std::size_t norms_bytes(std::uint32_t n) const {
    return (std::size_t{n} + bucket_ - 1) / bucket_ * sizeof(float);
  }
  // Tiles begin at multiples of 8 elements, so their codes begin at whole bytes.
  std::size_t codes_at(const Row& row, std::uint32_t at) const {
    return norms_bytes(row.n) + std::size_t{at} / 8 * bits_of(row.level);
  }

  static void send_zeros(std::span<const float> v, CodeOutput out) {
    std::fill_n(out.codes, v.size(), std::uint8_t{0});
    const auto [output, to] = out.sink;
    if (output == kernels::DecodeOutput::decoded) std::fill_n(to, v.size(), 0.0f);
    if (output == kernels::DecodeOutput::difference) std::copy(v.begin(), v.end(), to);
  }

  void code(const Tile& tile, const Key& key, std::uint32_t at, std::span<const float> v,
            LevelFormat format, CodeOutput out) const {
    std::array<std::uint16_t, kernels::noise_capacity(kRun)> drawn;
    for (std::size_t done = 0; done < v.size(); done += kRun) {
      const std::size_t n = std::min<std::size_t>(kRun, v.size() - done);
      const std::uint16_t* const noise =
          kernels::noise_run(key.stream(), tile.row.layer,
                             std::uint64_t{tile.row.first} + tile.at + at + done, n, drawn.data());
      quantizer_.to(v.data() + done, noise, format, {out.codes + done, out.sink.from(done)}, n);
    }
  }

  const Quantizer& quantizer_;
  std::uint32_t bucket_, block_;
  Norm norm_;
};

class Natural final : public BlockCodec {
 public:
  std::string name() const override { return "natural"; }
  Traits traits() const override { return {.fixed_size = true, .block = 16}; }
  std::size_t capacity(std::uint32_t n, float) const override { return n; }
  void check(float, const Feedback&) const override {}

 protected:
  std::uint32_t tile_size() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return std::bit_cast<std::uint32_t>(0x1.0p18f) + 1; }

  RowStatus encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    std::array<std::uint16_t, kernels::noise_capacity(kernels::kBlock)> drawn;
    const std::uint16_t* const noise =
        kernels::noise_run(key.stream(), tile.row.layer, std::uint64_t{tile.row.first} + tile.at,
                           tile.count, drawn.data());
    kernels::to_natural(v, noise, {codes_of(payload, tile.at), sink}, tile.count);
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const auto* const codes = reinterpret_cast<const std::uint8_t*>(payload.data()) + tile.at;
    (add ? kernels::add_natural : kernels::from_natural)(codes, acc, tile.count);
  }

 private:
  static std::uint8_t* codes_of(Bytes payload, std::uint32_t at) {
    return reinterpret_cast<std::uint8_t*>(payload.data()) + at;
  }
};

std::uint32_t checked(const char* name, std::uint32_t bucket) {
  if (bucket < 1 || bucket > kLargestBucket) {
    fail<JobError>("codec {} cannot use buckets of {} elements: a bucket has 1 to {}.", name,
                   bucket, kLargestBucket);
  }
  return bucket;
}

}  // namespace

std::shared_ptr<const Codec> make_qsgd(std::uint32_t bucket, bool max_norm) {
  return std::make_shared<Qsgd>(kQsgd, checked(kQsgd.name, bucket),
                                max_norm ? Norm::max : Norm::two);
}
std::shared_ptr<const Codec> make_nuqsgd(std::uint32_t bucket) {
  return std::make_shared<Qsgd>(kNuqsgd, checked(kNuqsgd.name, bucket), Norm::two);
}
std::shared_ptr<const Codec> make_natural() { return std::make_shared<Natural>(); }

}  // namespace terse
