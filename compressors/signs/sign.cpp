#include "terse/compressors/signs/sign.h"

#include <cmath>

#include "terse/base/error.h"
#include "terse/compressors/block_codec.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/quantize/half.h"
#include "terse/compressors/kernels/cpu/quantize/signs.h"

namespace terse {
namespace {

using kernels::SignLevels;

constexpr std::uint32_t kCut = 16;  // pieces begin at whole bytes and are aligned in the arena

// A payload is `head` bytes, from which levels_of() computes the levels, and the sign bits.
class SignCodec : public BlockCodec {
 public:
  SignCodec(const char* name, std::size_t head) : name_(name), head_(head) {}
  std::string name() const override { return name_; }
  std::size_t capacity(std::uint32_t n, float) const override {
    return n == 0 ? 0 : head_ + kernels::sign_bytes(n);
  }
  void check(float, const Feedback&) const override {}

 protected:
  std::uint32_t tile_size() const override { return kernels::kBlock; }
  std::uint32_t limit() const override { return kernels::kFp32Limit; }
  virtual SignLevels levels_of(ConstBytes payload) const = 0;

  RowStatus encode_tile(const Tile& tile, const Key&, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    kernels::pack_signs(v, tile.count, payload.data() + head_ + tile.at / 8, levels_of(payload),
                        sink);
    return RowStatus::good;
  }

  void decode_tile(const Tile& tile, ConstBytes payload, float* acc, bool add) const override {
    (add ? kernels::add_signs : kernels::unpack_signs)(payload.data() + head_ + tile.at / 8,
                                                       levels_of(payload), acc, tile.count);
  }

  PayloadError find_error(const Row& row, ConstBytes payload) const override {
    if (row.n == 0) return {};
    const SignLevels levels = levels_of(payload);
    const bool valid = std::isfinite(levels.positive) && levels.positive >= 0 &&
                       std::isfinite(levels.negative) && levels.negative <= 0;
    if (!valid) return "a level of its signs is not finite or has the wrong sign";
    return {};
  }

 private:
  const char* name_;
  std::size_t head_;
};

// The mean of `count` values; 0 if there are none.
float mean_of(double sum, std::uint64_t count) {
  return count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
}

class MajorityVote final : public SignCodec {
 public:
  explicit MajorityVote(const char* name) : SignCodec(name, sizeof(float)) {}
  Traits traits() const override {
    return {.biased = true, .fixed_size = true, .majority_vote = true, .block = kCut};
  }
  void check(float, const Feedback& feedback) const override {
    if (feedback.keeps_residual()) {
      fail<JobError>(
          "codec {} keeps no residual: its votes have no magnitude to subtract from a gradient; "
          "use ef_sign for signs with error feedback.",
          name());
    }
  }

 protected:
  // Written with the row's first tile, so that a payload of zeros has no votes.
  RowStatus encode_tile(const Tile& tile, const Key& key, const float* v, Bytes payload,
                        DecodeSink sink) const override {
    if (tile.at == 0) store(payload.data(), 1.0f);
    return SignCodec::encode_tile(tile, key, v, payload, sink);
  }
  SignLevels levels_of(ConstBytes payload) const override {
    const float one = load<float>(payload.data());
    return {one, -one};
  }
  PayloadError find_error(const Row& row, ConstBytes payload) const override {
    if (row.n == 0) return {};
    const float one = load<float>(payload.data());
    if (one != 1 && one != 0) return "the weight of its votes is neither 1 nor 0";
    return {};
  }
};

class EfSign final : public SignCodec {
 public:
  EfSign() : SignCodec("ef_sign", sizeof(float)) {}
  Traits traits() const override { return {.biased = true, .fixed_size = true, .block = kCut}; }

 protected:
  bool needs_statistics(const Row& row) const override { return row.n > 0; }
  void add_statistics(const float* v, std::uint32_t n, RowStatistics& statistics) const override {
    const kernels::SignSums sums = kernels::sums_by_sign(v, n);
    statistics.sums[0] += sums.positives + sums.negatives;
  }
  RowStatus write_scale(const Row& row, const RowStatistics& statistics,
                        Bytes payload) const override {
    const float scale = mean_of(statistics.sums[0], row.n);
    store(payload.data(), scale);
    return std::isfinite(scale) ? RowStatus::good : RowStatus::bad;
  }
  SignLevels levels_of(ConstBytes payload) const override {
    const float scale = load<float>(payload.data());
    return {scale, -scale};
  }
};

class OneBit final : public SignCodec {
 public:
  OneBit() : SignCodec("onebit", sizeof(SignLevels)) {}
  Traits traits() const override { return {.biased = true, .fixed_size = true, .block = kCut}; }

 protected:
  bool needs_statistics(const Row& row) const override { return row.n > 0; }
  void add_statistics(const float* v, std::uint32_t n, RowStatistics& statistics) const override {
    const kernels::SignSums sums = kernels::sums_by_sign(v, n);
    statistics.sums[0] += sums.positives;
    statistics.sums[1] += sums.negatives;
    statistics.counts[1] += sums.negative;
  }
  RowStatus write_scale(const Row& row, const RowStatistics& statistics,
                        Bytes payload) const override {
    const SignLevels levels{mean_of(statistics.sums[0], row.n - statistics.counts[1]),
                            -mean_of(statistics.sums[1], statistics.counts[1])};
    store(payload.data(), levels);
    return std::isfinite(levels.positive) && std::isfinite(levels.negative) ? RowStatus::good
                                                                            : RowStatus::bad;
  }
  SignLevels levels_of(ConstBytes payload) const override {
    return load<SignLevels>(payload.data());
  }
};

}  // namespace

std::shared_ptr<const Codec> make_signsgd() { return std::make_shared<MajorityVote>("signsgd"); }
std::shared_ptr<const Codec> make_signum() { return std::make_shared<MajorityVote>("signum"); }
std::shared_ptr<const Codec> make_ef_sign() { return std::make_shared<EfSign>(); }
std::shared_ptr<const Codec> make_onebit() { return std::make_shared<OneBit>(); }

}  // namespace terse
