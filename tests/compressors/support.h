// Helpers of the codec tests: inputs with awkward values, encoding and decoding of single rows,
// comparison to the bit.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/base/random.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/reference/feedback.h"
#include "terse/compressors/reference/reference.h"

namespace terse::test {

using Floats = std::vector<float>;
using Payload = std::vector<std::byte>;

inline constexpr std::uint64_t kLayer = 0x1234567890abcdefu;

// Values over several orders of magnitude, with zeros of both signs, subnormals and ties among
// them.
inline Floats gradient(std::size_t n, std::uint64_t seed) {
  const RandomStream stream(seed, "gradient");
  Floats values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const float normal = stream.normal(i) * 1e-2f;
    switch (stream.bits(i) % 32) {
      case 0:
        values[i] = 0.0f;
        break;
      case 1:
        values[i] = -0.0f;
        break;
      case 2:
        values[i] = normal * 1e-38f;
        break;
      case 3:
        values[i] = normal < 0 ? -0.015625f : 0.015625f;
        break;
      case 4:
        values[i] = normal * 50;
        break;
      default:
        values[i] = normal;
    }
  }
  return values;
}

inline testing::AssertionResult same_bits(std::span<const float> got,
                                          std::span<const float> wanted) {
  if (got.size() != wanted.size())
    return testing::AssertionFailure() << got.size() << " elements, not " << wanted.size();
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(got[i]) != std::bit_cast<std::uint32_t>(wanted[i])) {
      return testing::AssertionFailure() << "element " << i << " of " << got.size() << " is "
                                         << got[i] << ", not " << wanted[i];
    }
  }
  return testing::AssertionSuccess();
}

// Working memory of exactly the size that a codec asked for, aligned to 64 bytes.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) : memory_(bytes + 64), bytes_(bytes) {}
  Bytes bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    return Bytes(memory_).subspan(round_up(address, 64) - address, bytes_);
  }

 private:
  std::vector<std::byte> memory_;
  std::size_t bytes_;
};

struct Input {
  Floats grad;
  Floats e = {}, u = {};  // empty: none before the step
  float level = 0;
  std::uint32_t first = 0;
  std::optional<float> scale = {};
  Key key = {.seed = 7, .step = 3, .rank = 1};
};

struct Encoded {
  Payload payload;
  Floats e, u;  // after the step; empty where the feedback keeps none
  std::int64_t bad = -1;
};

inline Row row_of(const Input& input) {
  Row row;
  row.grad = input.grad.data();
  row.e_in = input.e.empty() ? nullptr : input.e.data();
  row.u_in = input.u.empty() ? nullptr : input.u.data();
  row.scale = input.scale ? &*input.scale : nullptr;
  row.layer = kLayer;
  row.first = input.first;
  row.n = static_cast<std::uint32_t>(input.grad.size());
  row.level = input.level;
  row.frame = 0;
  return row;
}

inline Encoded encode(const Codec& codec, const Input& input, const Feedback& feedback) {
  Encoded result;
  Row row = row_of(input);
  if (feedback.keeps_residual()) result.e.assign(row.n, -77.0f);
  if (feedback.keeps_velocity()) result.u.assign(row.n, -77.0f);
  row.e_out = result.e.data();
  row.u_out = result.u.data();
  Floats out_of_row(row.n);  // encode may use it
  row.out = out_of_row.data();

  const std::size_t capacity = codec.capacity(row.n, row.level);
  Payload body(capacity, std::byte{0xee});
  Mailbox out;
  out.emplace_back(std::vector<std::uint32_t>{row_tag(row)}, capacity);
  out[0].bind(body);
  Workspace workspace(codec.scratch(row.n, row.level));
  codec.encode({&row, 1}, feedback, input.key, out,
               {.scratch = workspace.bytes(), .bad_row = &result.bad});
  const ConstBytes content = out[0].content();
  result.payload.assign(content.begin(), content.end());
  return result;
}

inline std::uint32_t sparse_count(const Payload& payload) {
  return load<std::uint32_t>(payload.data() + 4);
}

// A frame with one row, as after it was received.
inline Frame frame_of(Payload& payload) {
  Frame frame({0}, payload.size());
  frame.bind(payload);
  frame.end_row(payload.size());
  return frame;
}

// The sum of several ranks' payloads; a null payload stands for this rank, whose row is `own`.
inline Floats decode(const Codec& codec, std::vector<Payload*> payloads, const Input& own,
                     const Feedback& feedback, float weight, Floats* u_out = nullptr) {
  Mailbox in;
  for (Payload* payload : payloads) in.push_back(payload == nullptr ? Frame() : frame_of(*payload));
  Row row = row_of(own);
  row.frame = kEvery;
  Floats out(row.n, -99.0f);
  row.out = out.data();
  if (u_out != nullptr) {
    u_out->assign(row.n, -77.0f);
    row.u_out = u_out->data();
  }
  Workspace workspace(codec.scratch(row.n, row.level));
  codec.decode({&row, 1}, in, weight, feedback, {.scratch = workspace.bytes()});
  return out;
}

inline Floats decode(const Codec& codec, Payload payload, const Input& shape) {
  return decode(codec, {&payload}, shape, feedback::kNone, 1);
}

inline Floats fold_all(const Input& input, const Feedback& f, Floats* u = nullptr) {
  Floats v(input.grad.size());
  if (u != nullptr) u->resize(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    const auto folded =
        reference::fold(f, input.scale.value_or(1), input.grad[i], input.u.empty() ? 0 : input.u[i],
                        input.e.empty() ? 0 : input.e[i]);
    v[i] = folded.v;
    if (u != nullptr) (*u)[i] = folded.u;
  }
  return v;
}

// Makes zeros of both signs equal: a codec may or may not add a coefficient times 0 to the residual
// of elements that were not sent.
inline Floats unsigned_zeros(Floats values) {
  for (float& value : values) value += 0.0f;
  return values;
}

// The reference's row of an input whose v is given; v must outlive it.
inline reference::FoldedRow folded(const Input& input, const Floats& v) {
  return {.v = v, .level = input.level, .key = input.key, .layer = kLayer, .first = input.first};
}

// The message and memory of one row after a step, computed by the reference.
struct Wanted {
  Floats v, u, e;
  reference::Message message;
};
inline Wanted wanted_of(const CodecOptions& options, const Input& input, const Feedback& f) {
  Wanted wanted;
  wanted.v = fold_all(input, f, &wanted.u);
  const reference::FoldedRow row = folded(input, wanted.v);
  wanted.message = reference::encode(options, row);
  for (std::size_t i = 0; i < wanted.v.size(); ++i) {
    wanted.e.push_back(reference::residual(f, wanted.v[i], input.e.empty() ? 0 : input.e[i],
                                           wanted.message.decoded[i]));
  }
  if (!f.clear_velocity) return wanted;
  if (codec_info(options.name).family == "sparse") {
    for (const std::uint32_t i : reference::selected_indices(options, row)) wanted.u[i] = 0;
  } else {
    std::ranges::fill(wanted.u, 0.0f);
  }
  return wanted;
}

inline void expect_same(const Encoded& got, const Wanted& wanted, const Feedback& f) {
  EXPECT_EQ(got.payload, wanted.message.payload);
  EXPECT_TRUE(!f.keeps_residual() || same_bits(unsigned_zeros(got.e), unsigned_zeros(wanted.e)));
  EXPECT_TRUE(!f.keeps_velocity() || same_bits(got.u, wanted.u));
}

// Expects payload, memory and decoded values of one row to equal the reference's, to the bit.
inline void expect_reference(const CodecOptions& options, const Input& input, const Feedback& f) {
  SCOPED_TRACE(options.name + " of " + std::to_string(input.grad.size()));
  const auto codec = make_codec(options);
  const Wanted wanted = wanted_of(options, input, f);
  const Encoded got = encode(*codec, input, f);
  expect_same(got, wanted, f);
  EXPECT_TRUE(same_bits(decode(*codec, got.payload, input), wanted.message.decoded));
}

}  // namespace terse::test
