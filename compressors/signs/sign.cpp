#include "terse/compressors/signs/sign.h"

#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/kernels/cpu/quantize/signs.h"

namespace terse {
namespace {

using kernels::Levels;

constexpr std::uint32_t kCut = 16;  // pieces begin at whole bytes and keep the arena's alignment

// How the members of the family differ.
class SignCodec : public BlockCodec {
 public:
  SignCodec(const char* name, std::size_t head) : name_(name), head_(head) {}
  std::string name() const override { return name_; }
  std::size_t capacity(std::uint32_t n, float) const override {
    return n == 0 ? 0 : head_ + kernels::sign_bytes(n);
  }
  void check(float, const Feedback&) const override {}

 protected:
  std::uint32_t tile() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }
  virtual Levels levels_of(ConstBytes payload) const = 0;

  bool encode_tile(const Tile& tile, const Key&, const float* v, Bytes payload,
                   DecodeSink kept) const override {
    kernels::pack_signs(v, tile.count, payload.data() + head_ + tile.at / 8, levels_of(payload),
                        kept.what, kept.to);
    return true;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    (add ? kernels::add_signs : kernels::unpack_signs)(payload.data() + head_ + tile.at / 8,
                                                       levels_of(payload), acc, tile.count);
  }

  const char* find_error(const Row& row, ConstBytes payload) const override {
    if (row.n == 0) return nullptr;
    const Levels levels = levels_of(payload);
    const bool good = std::isfinite(levels.positive) && levels.positive >= 0 &&
                      std::isfinite(levels.negative) && levels.negative <= 0;
    return good ? nullptr : "what its signs stand for is no finite number, or has their wrong sign";
  }

 private:
  const char* name_;
  std::size_t head_;
};

// A mean of a part of the row.
float mean_of(double sum, std::uint64_t count) {
  return count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
}

class Vote final : public SignCodec {
 public:
  explicit Vote(const char* name) : SignCodec(name, sizeof(float)) {}
  Traits traits() const override {
    return {.biased = true, .fixed_size = true, .votes = true, .block = kCut};
  }
  void check(float, const Feedback& feedback) const override {
    if (feedback.keeps_residual()) {
      fail<JobError>(
          "codec {} keeps no residual: its votes have no size that could be taken from a gradient; "
          "use ef_sign for signs with error feedback.",
          name());
    }
  }

 protected:
  // Written with the row's first tile, so that a payload of zeros votes for nothing.
  bool encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                   DecodeSink kept) const override {
    if (tile.at == 0) store(payload.data(), 1.0f);
    return SignCodec::encode_tile(tile, key, v, payload, kept);
  }
  Levels levels_of(ConstBytes payload) const override {
    const float one = load<float>(payload.data());
    return {one, -one};
  }
  const char* find_error(const Row& row, ConstBytes payload) const override {
    if (row.n == 0) return nullptr;
    const float one = load<float>(payload.data());
    return one == 1 || one == 0 ? nullptr : "a vote counts neither one nor nothing";
  }
};

class Scaled final : public SignCodec {
 public:
  Scaled() : SignCodec("ef_sign", sizeof(float)) {}
  Traits traits() const override { return {.biased = true, .fixed_size = true, .block = kCut}; }

 protected:
  bool needs_statistics(const Row& row) const override { return row.n > 0; }
  void add_statistics(const float* v, std::uint32_t n,
                      RowStatistics& add_statistics) const override {
    const kernels::SignSums sums = kernels::sums_by_sign(v, n);
    add_statistics.sums[0] += sums.positives + sums.negatives;
  }
  bool write_scale(const Row& row, const RowStatistics& add_statistics,
                   Bytes payload) const override {
    const float scale = mean_of(add_statistics.sums[0], row.n);
    store(payload.data(), scale);
    return std::isfinite(scale);
  }
  Levels levels_of(ConstBytes payload) const override {
    const float scale = load<float>(payload.data());
    return {scale, -scale};
  }
};

class OneBit final : public SignCodec {
 public:
  OneBit() : SignCodec("onebit", sizeof(Levels)) {}
  Traits traits() const override { return {.biased = true, .fixed_size = true, .block = kCut}; }

 protected:
  bool needs_statistics(const Row& row) const override { return row.n > 0; }
  void add_statistics(const float* v, std::uint32_t n,
                      RowStatistics& add_statistics) const override {
    const kernels::SignSums sums = kernels::sums_by_sign(v, n);
    add_statistics.sums[0] += sums.positives;
    add_statistics.sums[1] += sums.negatives;
    add_statistics.counts[1] += sums.negative;
  }
  bool write_scale(const Row& row, const RowStatistics& add_statistics,
                   Bytes payload) const override {
    const Levels levels{mean_of(add_statistics.sums[0], row.n - add_statistics.counts[1]),
                        -mean_of(add_statistics.sums[1], add_statistics.counts[1])};
    store(payload.data(), levels);
    return std::isfinite(levels.positive) && std::isfinite(levels.negative);
  }
  Levels levels_of(ConstBytes payload) const override { return load<Levels>(payload.data()); }
};

}  // namespace

std::shared_ptr<const Codec> make_signsgd() { return std::make_shared<Vote>("signsgd"); }
std::shared_ptr<const Codec> make_signum() { return std::make_shared<Vote>("signum"); }
std::shared_ptr<const Codec> make_ef_sign() { return std::make_shared<Scaled>(); }
std::shared_ptr<const Codec> make_onebit() { return std::make_shared<OneBit>(); }

}  // namespace terse
