#include "terse/launch/bench/codecs/cases.h"

#include <vector>

namespace terse {
namespace {

constexpr Feedback kNone = feedback::kNone, kClassic = feedback::kClassic,
                   kDgc = feedback::dgc(0.9f, false, true);
// 0.85 % and 0.09 % of the sums of the arena's gradient and residual are larger.
constexpr double kAbove1 = 0.0137, kAbove01 = 0.01457;

CodecOptions plain(const char* name) { return {.name = name}; }
CodecOptions nearest(const char* name) { return {.name = name, .stochastic = false}; }

CodecOptions above(double threshold) { return {.name = "threshold", .threshold = threshold}; }

Streams sends(double bytes) { return {.out = bytes}; }
Streams keeps(double bytes) { return {.residual = true, .out = bytes}; }
Streams two_passes(double bytes) {
  return {.statistics_passes = 1, .residual = true, .out = bytes};
}
Streams velocity() { return {.residual = true, .velocity = true}; }
Streams adds(double bytes) { return {.sum = true, .in = bytes}; }

}  // namespace

std::span<const BenchCase> bench_cases() {
  using enum Pass;
  static const std::vector<BenchCase> lines{
      {"none", encode, plain("none"), 0, kNone, sends(4), 0},
      {"none", decode_add, plain("none"), 0, kNone, adds(4), 0},
      {"fp16", encode, plain("fp16"), 0, kNone, sends(2), 0.85},
      {"fp16", decode_add, plain("fp16"), 0, kNone, adds(2), 0.85},
      {"bf16", encode, plain("bf16"), 0, kNone, sends(2), 0.85},
      {"bf16", decode_add, plain("bf16"), 0, kNone, adds(2), 0.85},
      {"fp8", encode, plain("fp8"), 0, kNone, sends(1), 0},
      {"fp8", decode_add, plain("fp8"), 0, kNone, adds(1), 0},
      {"maxmin 8 nearest", encode, nearest("maxmin"), 8, kClassic, keeps(1), 0.75},
      {"maxmin 4 nearest", encode, nearest("maxmin"), 4, kClassic, keeps(0.5), 0.75},
      {"maxmin 8 stochastic", encode, plain("maxmin"), 8, kClassic, keeps(1), 0.60},
      {"maxmin 4 stochastic", encode, plain("maxmin"), 4, kClassic, keeps(0.5), 0.60},
      {"maxmin 8", decode_add, plain("maxmin"), 8, kNone, adds(1), 0},
      {"maxmin 4", decode_add, plain("maxmin"), 4, kNone, adds(0.5), 0},
      {"qsgd 4", encode, plain("qsgd"), 4, kNone, sends(0.5), 0},
      {"nuqsgd 4", encode, plain("nuqsgd"), 4, kNone, sends(0.5), 0},
      {"natural", encode, plain("natural"), 0, kNone, sends(1), 0},
      {"signsgd", encode, plain("signsgd"), 0, kNone, sends(0.125), 0},
      {"signsgd", decode_add, plain("signsgd"), 0, kNone, adds(0.125), 0},
      {"ef_sign", encode, plain("ef_sign"), 0, kClassic, two_passes(0.125), 0.75},
      {"onebit", encode, plain("onebit"), 0, kClassic, two_passes(0.125), 0.75},
      {"ef_sign", decode_add, plain("ef_sign"), 0, kNone, adds(0.125), 0},
      {"topk 1 %", encode, plain("topk"), 0.01f, kClassic, keeps(0), 0},
      {"topk 0.1 %", encode, plain("topk"), 0.001f, kClassic, keeps(0), 0},
      {"topk_chunk 1 %", encode, plain("topk_chunk"), 0.01f, kClassic, keeps(0), 0},
      {"topk_chunk 0.1 %", encode, plain("topk_chunk"), 0.001f, kClassic, keeps(0), 0},
      {"topk_sampled 1 %", encode, plain("topk_sampled"), 0.01f, kClassic, keeps(0), 0.80},
      {"topk_sampled 0.1 %", encode, plain("topk_sampled"), 0.001f, kClassic, keeps(0), 0.80},
      {"threshold 1 %", encode, above(kAbove1), 0.01f, kClassic, keeps(0), 0.80},
      {"threshold 0.1 %", encode, above(kAbove01), 0.001f, kClassic, keeps(0), 0.80},
      {"dgc 1 %", encode, plain("dgc"), 0.01f, kDgc, velocity(), 0},
      {"dgc 0.1 %", encode, plain("dgc"), 0.001f, kDgc, velocity(), 0.80},
      {"topk 1 %", scatter, plain("topk"), 0.01f, kNone, {.scatter = 0.01}, 0.70},
  };
  return lines;
}

}  // namespace terse
