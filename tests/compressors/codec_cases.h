// The codecs, with options and levels, that the general tests cover.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "terse/compressors/codec.h"

namespace terse::test {

struct Case {
  CodecOptions options;
  float level = 0;
};

// A level that every codec of a kind takes.
inline float usual_level(const CodecInfo& info) {
  return info.level == Level::bits ? 4.0f : info.level == Level::density ? 0.05f : 0.0f;
}

// Every codec of the registry once, with default options. Low-rank codecs take matrices alone:
// low_rank_test.cpp.
inline std::vector<Case> registry_cases() {
  std::vector<Case> all;
  for (const CodecInfo& info : codecs()) {
    if (info.level != Level::rank)
      all.push_back({{.name = std::string(info.name)}, usual_level(info)});
  }
  return all;
}

// The cases of the pinned number of all payloads (reference_test.cpp), which depends on their
// order.
inline std::vector<Case> pinned_cases() {
  std::vector<Case> all{{{.name = "none"}}, {{.name = "fp16"}}, {{.name = "bf16"}}};
  for (const float bits : {1.0f, 3.0f, 4.0f, 8.0f}) {
    all.push_back({{.name = "maxmin", .bucket = 512, .stochastic = true}, bits});
    all.push_back({{.name = "maxmin", .bucket = 100, .stochastic = false}, bits});
  }
  for (const float bits : {2.0f, 4.0f, 8.0f}) {
    all.push_back({{.name = "qsgd", .bucket = 512}, bits});
    all.push_back({{.name = "qsgd", .bucket = 100, .max_norm = true}, bits});
    all.push_back({{.name = "nuqsgd", .bucket = 512}, bits});
  }
  all.push_back({{.name = "fp8", .block = 64}});
  all.push_back({{.name = "fp8_e5m2", .block = 33}});
  all.push_back({{.name = "natural"}});
  all.push_back({{.name = "terngrad"}});
  for (const char* name : {"signsgd", "signum", "ef_sign", "onebit"})
    all.push_back({{.name = name}});
  for (const float density : {0.001f, 0.05f, 1.0f}) {
    all.push_back({{.name = "topk"}, density});
    all.push_back({{.name = "dgc"}, density});
  }
  for (const char* name : {"topk_sampled", "topk_chunk", "threshold", "randomk", "randblock"}) {
    all.push_back({{.name = name}, 0.05f});
    all.push_back({{.name = name, .stochastic = false, .values = "maxmin3"}, 0.01f});
  }
  all.push_back({{.name = "topk", .values = "fp16"}, 0.05f});
  all.push_back({{.name = "topk", .bucket = 64, .values = "maxmin4"}, 0.05f});
  all.push_back({{.name = "topk", .bucket = 100, .values = "maxmin8"}, 1.0f});
  all.push_back({{.name = "dgc", .values = "bf16"}, 0.05f});
  all.push_back({{.name = "randomk", .unbiased = true}, 0.3f});
  return all;
}

inline bool has_codec(const std::vector<Case>& all, const std::string& name) {
  return std::ranges::any_of(all, [&](const Case& one) { return one.options.name == name; });
}

// The pinned cases, and the codecs of the registry that they lack.
inline std::vector<Case> cases() {
  std::vector<Case> all = pinned_cases();
  for (const Case& one : registry_cases()) {
    if (!has_codec(all, one.options.name)) all.push_back(one);
  }
  return all;
}

inline std::string test_name(const Case& one) {
  std::string name = one.options.name + "_" + std::to_string(one.level) +
                     (one.options.stochastic ? "" : "_nearest") +
                     (one.options.max_norm ? "_max" : "") +
                     (one.options.unbiased ? "_unbiased" : "") +
                     (one.options.values == "fp32" ? "" : "_" + one.options.values);
  std::ranges::replace(name, '.', '_');
  return name;
}

inline void PrintTo(const Case& one, std::ostream* to) { *to << test_name(one); }

}  // namespace terse::test
