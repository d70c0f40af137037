// Codec: encodes rows of layers into bytes, and decodes bytes into a row or a sum of rows. Codecs
// are stateless and pure, know neither ranks nor LibTorch, and allocate nothing; each call is one
// pass over a table of rows. A published compressor is a codec joined to a Feedback and, above, to
// an exchange.
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

// Key::rank if all ranks must draw the same numbers.
inline constexpr std::uint32_t kShared = 0xffffffff;

// The key of the random numbers: they differ between ranks and phases, and the number of an element
// depends on nothing else.
struct Key {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint32_t rank = 0;
  std::uint32_t phase = 0;  // 0: first encode of a step, 1: second

  // Element i of layer l is rounded by noise_of(noise_draw(stream(), i / 8, l), i % 8) / 65536: the
  // bias is at most 2^-16 of the distance between its two neighbors.
  std::uint64_t stream() const { return combine(seed, step, rank, phase); }
  Key next_phase() const { return {seed, step, rank, phase + 1}; }
};

// Long passes call drive() about every 256 KB of work, so that messages and heartbeats progress.
class ProgressHook {
 public:
  virtual ~ProgressHook() = default;
  virtual void drive() = 0;
};

// The resources of a pass, and its verdict.
struct Exec {
  Bytes scratch;  // at least the codec's scratch() for the largest row; 64-byte aligned
  ProgressHook* progress = nullptr;
  // Unless it is already >= 0, encode sets it to the first row with a NaN, an Inf or a value that
  // the codec cannot hold; such a row is sent as if it were zero.
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
  bool biased = false;         // needs error feedback to converge in general
  bool fixed_size = false;     // every message has capacity() bytes
  bool summable = false;       // the sum of messages decodes to the sum of their values
  bool majority_vote = false;  // each rank sends its signs alone; the result is the sign of the sum
  bool shares_scale = false;   // ranks agree on a scale first, so that codes add up as integers
  std::uint32_t block = 0;     // a layer may be cut at multiples of this many elements; 0: never
  Pattern pattern = Pattern::reduce_scatter;
};

class Codec {
 public:
  virtual ~Codec() = default;
  virtual std::string name() const = 0;
  virtual Traits traits() const = 0;

  // The maximum payload of a row of n elements in bytes, and the working memory it needs. Both are
  // pure and the same on every rank.
  virtual std::size_t capacity(std::uint32_t n, float level) const = 0;
  virtual std::size_t scratch(std::uint32_t n, float level) const = 0;

  // Throws JobError with one sentence unless rows of this level (bits, density, rank) can be
  // encoded with this feedback.
  virtual void check(float level, const Feedback& feedback) const = 0;

  // For codecs that share a scale: computes the scale that each row would have alone, reading its
  // memory only; 0 for a bad row, which is reported. Other codecs throw Error.
  virtual void measure(std::span<const Row> rows, const Feedback& feedback, std::span<float> scales,
                       const Exec& exec) const;

  // Folds gradient and memory into v, writes its message to frame row.frame (rows of a frame come
  // in slot order), and writes the new velocity and residual in the same pass.
  virtual void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                      Mailbox& out, const Exec& exec) const = 0;

  // If row.frame >= 0: out = weight * decoded, for row `slot` of that frame. If row.frame ==
  // kEvery: out = weight * the sum over all frames of `in` in rank order, in fp32. The one rank
  // without a frame (present() is false) is this rank: its row is folded by `own` and added
  // exactly, unencoded (its velocity is written; its residual is consumed and left to the second
  // encode). For sparse codecs the sum is that of weight * value in rank order, starting from
  // zeros. Throws DamagedMessage naming the row if a payload contradicts itself or its row; earlier
  // rows may then have been written.
  virtual void decode(std::span<const Row> rows, const Mailbox& in, float weight,
                      const Feedback& own, const Exec& exec) const = 0;
};

// A job's options for its codec; each codec reads those that it has.
struct CodecOptions {
  std::string name = "none";
  std::uint32_t bucket = 512;   // maxmin, qsgd, nuqsgd: elements that share a scale
  bool stochastic = true;       // maxmin: rounding
  bool max_norm = false;        // qsgd: scale by the largest |v| of a bucket, not by its 2-norm
  std::uint32_t block = 64;     // fp8: elements that share an exponent
  double clip = 2.5;            // terngrad: clip at so many standard deviations; 0: do not clip
  double sample_ratio = 0.01;   // dgc: share of the elements that the threshold is estimated from
  bool alternating = false;     // powersgd: P in even steps, Q in odd ones
  double threshold = 1e-3;      // threshold: send larger magnitudes
  bool unbiased = false;        // randomk, randblock: multiply values by n / k, without feedback
  std::string values = "fp32";  // sparse: codec of the values: fp32, fp16, bf16, maxmin4, ...
  bool operator==(const CodecOptions&) const = default;
};

// What a row's level means to a codec.
enum class Level { none, bits, density, rank };

// A codec's row in the registry.
struct CodecInfo {
  std::string_view name;
  std::string_view family;  // cast, quantizer, sign, sparse, low rank
  Level level;
  std::string_view feedback;  // the name of the feedback that it is published with
  std::string_view paper;
  std::shared_ptr<const Codec> (*make)(const CodecOptions&);
};

// The registry: the one list of all codecs. For an unknown name, the others throw a JobError that
// lists them.
std::span<const CodecInfo> codecs();
const CodecInfo& codec_info(std::string_view name);
std::shared_ptr<const Codec> make_codec(const CodecOptions& options);
std::span<const std::string_view> codec_names();

}  // namespace terse
