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

using kernels::Coded;
using kernels::CodeForm;

constexpr std::uint32_t kLargestBucket = 65536;
constexpr float kLeastUnit = 1e-30f;
constexpr std::uint32_t kRun = 1024;  // elements whose random numbers are drawn together

enum class Norm { two, max };

// How the two bucketed ones differ.
struct Way {
  const char* name;
  void (*to)(const float*, const std::uint16_t*, CodeForm, Coded, std::size_t);
  void (*from)(const std::uint8_t*, CodeForm, float*, std::size_t);
  void (*add)(const std::uint8_t*, CodeForm, float*, std::size_t);
  bool even;
};
constexpr Way kEven{"qsgd", kernels::to_levels, kernels::from_levels, kernels::add_levels, true};
constexpr Way kPowers{"nuqsgd", kernels::to_powers, kernels::from_powers, kernels::add_powers,
                      false};

float norm_of(Norm norm, const float* v, std::size_t n) {
  if (norm == Norm::max) return std::bit_cast<float>(kernels::peak_of(v, n));
  return static_cast<float>(std::sqrt(squared_norm({v, n})));
}

class Qsgd final : public BlockCodec {
 public:
  Qsgd(const Way& way, std::uint32_t bucket, Norm norm)
      : way_(way), bucket_(bucket), block_(std::lcm(bucket, 8u)), norm_(norm) {}

  std::string name() const override { return way_.name; }
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
  std::uint32_t tile() const override { return block_ * ((kernels::kBlock + block_ - 1) / block_); }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }

  bool encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                   DecodeSink kept) const override {
    const unsigned bits = bits_of(tile.row.level);
    auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
    for (std::uint32_t at = 0; at < tile.count; at += bucket_) {
      const std::uint32_t n = std::min(bucket_, tile.count - at);
      float norm = norm_of(norm_, v + at, n);
      if (!std::isfinite(largest_of(norm, bits))) return false;
      const CodeForm form{unit_of(norm, bits), bits};
      const Coded out{codes + at, kept.what, kept.to == nullptr ? nullptr : kept.to + at};
      if (form.unit < kLeastUnit) {
        norm = 0;
        send_zeros({v + at, n}, out);
      } else {
        code(tile, key, at, {v + at, n}, form, out);
      }
      store(payload.data() + (tile.at + at) / bucket_ * sizeof(float), norm);
    }
    std::fill(codes + tile.count, codes + round_up(tile.count, 8), std::uint8_t{0});
    kernels::pack(codes, tile.count, bits, payload.data() + codes_at(tile.row, tile.at));
    return true;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const unsigned bits = bits_of(tile.row.level);
    auto* const codes = reinterpret_cast<std::uint8_t*>(tile.workspace.data());
    kernels::unpack(payload.data() + codes_at(tile.row, tile.at), tile.count, bits, codes);
    for (std::uint32_t at = 0; at < tile.count; at += bucket_) {
      const std::uint32_t n = std::min(bucket_, tile.count - at);
      const auto norm = load<float>(payload.data() + (tile.at + at) / bucket_ * sizeof(float));
      (add ? way_.add : way_.from)(codes + at, {unit_of(norm, bits), bits}, acc + at, n);
    }
  }

  const char* find_error(const Row& row, ConstBytes payload) const override {
    for (std::size_t at = 0; at < norms_bytes(row.n); at += sizeof(float)) {
      const auto norm = load<float>(payload.data() + at);
      if (!(norm >= 0 && std::isfinite(largest_of(norm, bits_of(row.level)))))
        return "a bucket's norm is negative or more than a float holds";
    }
    return nullptr;
  }

 private:
  static unsigned bits_of(float level) { return static_cast<unsigned>(level); }
  float unit_of(float norm, unsigned bits) const {
    return way_.even ? norm / static_cast<float>((1u << (bits - 1)) - 1) : norm;
  }
  // What the highest level reads as.
  float largest_of(float norm, unsigned bits) const {
    return way_.even ? unit_of(norm, bits) * static_cast<float>((1u << (bits - 1)) - 1) : norm;
  }
  std::size_t norms_bytes(std::uint32_t n) const {
    return (std::size_t{n} + bucket_ - 1) / bucket_ * sizeof(float);
  }
  // Tiles begin at multiples of 8 elements, hence at whole bytes.
  std::size_t codes_at(const Row& row, std::uint32_t at) const {
    return norms_bytes(row.n) + std::size_t{at} / 8 * bits_of(row.level);
  }

  static void send_zeros(std::span<const float> v, Coded out) {
    std::fill_n(out.codes, v.size(), std::uint8_t{0});
    if (out.keep == kernels::DecodeOutput::decoded) std::fill_n(out.kept, v.size(), 0.0f);
    if (out.keep == kernels::DecodeOutput::difference) std::copy(v.begin(), v.end(), out.kept);
  }

  void code(const Tile& tile, const Key& key, std::uint32_t at, std::span<const float> v,
            CodeForm form, Coded out) const {
    std::array<std::uint16_t, kernels::noise_capacity(kRun)> drawn;
    for (std::size_t done = 0; done < v.size(); done += kRun) {
      const std::size_t n = std::min<std::size_t>(kRun, v.size() - done);
      const std::uint16_t* const noise =
          kernels::noise_run(key.stream(), tile.row.layer,
                             std::uint64_t{tile.row.first} + tile.at + at + done, n, drawn.data());
      way_.to(v.data() + done, noise, form,
              {out.codes + done, out.keep, out.kept == nullptr ? nullptr : out.kept + done}, n);
    }
  }

  const Way& way_;
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
  std::uint32_t tile() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return std::bit_cast<std::uint32_t>(0x1.0p18f) + 1; }

  bool encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                   DecodeSink kept) const override {
    std::array<std::uint16_t, kernels::noise_capacity(kernels::kBlock)> drawn;
    const std::uint16_t* const noise =
        kernels::noise_run(key.stream(), tile.row.layer, std::uint64_t{tile.row.first} + tile.at,
                           tile.count, drawn.data());
    kernels::to_exponents(v, noise, {codes_of(payload, tile.at), kept.what, kept.to}, tile.count);
    return true;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    const auto* const codes = reinterpret_cast<const std::uint8_t*>(payload.data()) + tile.at;
    (add ? kernels::add_exponents : kernels::from_exponents)(codes, acc, tile.count);
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
  return std::make_shared<Qsgd>(kEven, checked(kEven.name, bucket),
                                max_norm ? Norm::max : Norm::two);
}
std::shared_ptr<const Codec> make_nuqsgd(std::uint32_t bucket) {
  return std::make_shared<Qsgd>(kPowers, checked(kPowers.name, bucket), Norm::two);
}
std::shared_ptr<const Codec> make_natural() { return std::make_shared<Natural>(); }

}  // namespace terse
