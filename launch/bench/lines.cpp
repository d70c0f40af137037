#include "terse/bench/lines.h"

#include <vector>

namespace terse {
namespace {

constexpr Feedback kNone = feedback::kNone, kClassic = feedback::kClassic;

CodecOptions plain(const char* name) { return {.name = name}; }
CodecOptions nearest(const char* name) { return {.name = name, .stochastic = false}; }

Streams sends(double bytes) { return {.out = bytes}; }
Streams keeps(double bytes) { return {.residual = true, .out = bytes}; }
Streams surveys(double bytes) { return {.surveys = 1, .residual = true, .out = bytes}; }
Streams adds(double bytes) { return {.sum = true, .in = bytes}; }

}  // namespace

std::span<const Line> bench_lines() {
  using enum Verb;
  static const std::vector<Line> lines{
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
      {"ef_sign", encode, plain("ef_sign"), 0, kClassic, surveys(0.125), 0.75},
      {"onebit", encode, plain("onebit"), 0, kClassic, surveys(0.125), 0.75},
      {"ef_sign", decode_add, plain("ef_sign"), 0, kNone, adds(0.125), 0},
      {"topk 1 %", encode, plain("topk"), 0.01f, kClassic, keeps(0), 0},
      {"dgc 0.1 %",
       encode,
       plain("dgc"),
       0.001f,
       feedback::dgc(0.9f, false, true),
       {.residual = true, .velocity = true},
       0.80},
  };
  return lines;
}

}  // namespace terse
