// Codec: rows of layers -> bytes -> sum of rows. Stateless, pure, knows no ranks and no torch; one
// pass over a table of rows a verb; allocates nothing. A published compressor is a codec joined to
// a Feedback and, above, to an exchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "terse/base/bytes.h"
#include "terse/base/random.h"
#include "terse/compressors/feedback.h"
#include "terse/compressors/row.h"
#include "terse/compressors/wire/frame.h"

namespace terse {

// Key::rank where all ranks must draw alike.
inline constexpr std::uint32_t kShared = 0xffffffff;

// Where random numbers come from: ranks and phases draw apart; an element's number depends on
// nothing else.
struct Key {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint32_t rank = 0;
  std::uint32_t phase = 0;  // 0: first encode of a step, 1: second

  // Element i of layer l is rounded by noise_of(noise_draw(stream(), i / 8, l), i % 8) / 65536: a
  // mean is then off by at most 2^-16 of the distance between its two neighbors.
  std::uint64_t stream() const { return combine(seed, step, rank, phase); }
  Key next_phase() const { return {seed, step, rank, phase + 1}; }
};

// Long passes call drive() every 256 KB or so of work, so that messages and heartbeats go on
// meanwhile.
class ProgressHook {
 public:
  virtual ~ProgressHook() = default;
  virtual void drive() = 0;
};

// Where and how a pass runs, and what it found.
struct Exec {
  Bytes scratch;  // at least the codec's scratch() for the largest row; 64-byte aligned
  ProgressHook* progress = nullptr;
  // encode sets it to the first row with a NaN, an Inf or a value that the codec cannot hold,
  // unless it is already >= 0; such a row is sent as if it were zero.
  std::int64_t* bad_row = nullptr;

  void drive() const {
    if (progress != nullptr) progress->drive();
  }
};

// The exchange that a codec is published with.
enum class Pattern {
  reduce_scatter,
  all_gather,
  low_rank,
  low_rank_alternating,
  gtopk,
  oktopk,
  shared_indices,
  leader_indices
};

struct Traits {
  bool biased = false;      // needs error feedback to converge in general
  bool fixed_size = false;  // capacity() is what it always sends
  bool summable = false;    // the sum of messages decodes to the sum of what they hold
  bool votes = false;  // each rank counts with its sign alone, and the sum's sign is the answer
  bool shares_scale = false;  // ranks agree on a scale first, so that codes add up as integers
  std::uint32_t block = 0;    // a layer may be cut at multiples of this many elements; 0: never
  Pattern pattern = Pattern::reduce_scatter;
};

class Codec {
 public:
  virtual ~Codec() = default;
  virtual std::string name() const = 0;
  virtual Traits traits() const = 0;

  // Most bytes that a row of n elements can need, and working memory for it; pure, the same on
  // every rank.
  virtual std::size_t capacity(std::uint32_t n, float level) const = 0;
  virtual std::size_t scratch(std::uint32_t n, float level) const = 0;

  // Throws JobError with one sentence unless rows of this level (bits, density) can be encoded with
  // this feedback.
  virtual void check(float level, const Feedback& feedback) const = 0;

  // For codecs that share a scale: what each row's would be by itself, its memory being read alone;
  // 0 for a bad row, which is reported. Throws Error from other codecs.
  virtual void measure(std::span<const Row> rows, const Feedback& feedback, std::span<float> scales,
                       const Exec& exec) const;

  // Folds gradient and memory into v, writes its message to frame row.frame (rows of a frame come
  // in slot order), and the new velocity and residual in the same pass.
  virtual void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                      Mailbox& out, const Exec& exec) const = 0;

  // row.frame >= 0: out = weight * decoded, of that frame's row `slot`. row.frame == kEvery: out =
  // weight * the sum over all frames of `in` in rank order, in fp32. A rank without a frame
  // (present() is false) is this rank itself: its row is folded in exactly, unencoded, by `own`
  // (its velocity is written; its residual is consumed and left to the second encode). Sparse
  // codecs define it as the sum of weight * value in rank order over zeros. A payload that
  // contradicts itself or its row throws DamagedMessage naming the row; rows before it may then be
  // written.
  virtual void decode(std::span<const Row> rows, const Mailbox& in, float weight,
                      const Feedback& own, const Exec& exec) const = 0;
};

// What a job says of its codec; a codec reads what concerns it.
struct CodecOptions {
  std::string name = "none";
  std::uint32_t bucket = 512;   // maxmin, qsgd, nuqsgd: elements that share a scale
  bool stochastic = true;       // maxmin: rounding
  bool max_norm = false;        // qsgd: scale by the largest |v| of a bucket, not by its 2-norm
  std::uint32_t block = 64;     // fp8: elements that share an exponent
  double clip = 2.5;            // terngrad: standard deviations to clip at; 0: not at all
  double sample_ratio = 0.01;   // dgc: share of the elements that the threshold is estimated from
  bool alternating = false;     // powersgd: P in even steps, Q in odd ones
  double threshold = 1e-3;      // threshold: magnitudes above it are sent
  bool unbiased = false;        // randomk, randblock: values times n / k, and no feedback
  std::string values = "fp32";  // sparse: how values are written: fp32, fp16, bf16, maxmin4, ...
};

// What a row's level means to a codec.
enum class Level { none, bits, density, rank };

// The registry's line on a codec.
struct CodecInfo {
  std::string_view name;
  std::string_view family;  // cast, quantizer, sign, sparse, low rank
  Level level;
  std::string_view feedback;  // the name of the feedback that it is published with
  std::string_view paper;
  std::shared_ptr<const Codec> (*make)(const CodecOptions&);
};

// The one place that lists the codecs. An unknown name is a JobError that lists them.
std::span<const CodecInfo> codecs();
const CodecInfo& codec_info(std::string_view name);
std::shared_ptr<const Codec> make_codec(const CodecOptions& options);
std::span<const std::string_view> codec_names();

}  // namespace terse
