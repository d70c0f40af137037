#include <array>

#include "terse/base/error.h"
#include "terse/compressors/cast.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/dgc.h"
#include "terse/compressors/maxmin.h"
#include "terse/compressors/topk.h"

namespace terse {
namespace {

struct Entry {
  std::string_view name;
  std::shared_ptr<const Codec> (*make)(const CodecOptions&);
};

constexpr std::array kEntries{
    Entry{"none", [](const CodecOptions&) { return make_none(); }},
    Entry{"fp16", [](const CodecOptions&) { return make_fp16(); }},
    Entry{"bf16", [](const CodecOptions&) { return make_bf16(); }},
    Entry{"maxmin", [](const CodecOptions& o) { return make_maxmin(o.bucket, o.stochastic); }},
    Entry{"topk", [](const CodecOptions&) { return make_topk(); }},
    Entry{"dgc", [](const CodecOptions& o) { return make_dgc(o.sample_ratio); }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kEntries.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kEntries[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> codec_names() { return kNames; }

std::shared_ptr<const Codec> make_codec(const CodecOptions& options) {
  for (const Entry& entry : kEntries) {
    if (entry.name == options.name) return entry.make(options);
  }
  fail<JobError>("there is no codec '{}'; there are {}.", options.name, fmt::join(kNames, ", "));
}

}  // namespace terse
