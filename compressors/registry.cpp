#include <array>

#include "terse/base/error.h"
#include "terse/compressors/casts/cast.h"
#include "terse/compressors/casts/fp8.h"
#include "terse/compressors/codec.h"
#include "terse/compressors/low_rank/low_rank.h"
#include "terse/compressors/quantizers/maxmin.h"
#include "terse/compressors/quantizers/qsgd.h"
#include "terse/compressors/quantizers/ternary.h"
#include "terse/compressors/signs/sign.h"
#include "terse/compressors/sparse/dgc.h"
#include "terse/compressors/sparse/randomk.h"
#include "terse/compressors/sparse/topk.h"

namespace terse {
namespace {

using Options = const CodecOptions&;

// clang-format off
constexpr std::array kCodecs{
    CodecInfo{"none", "cast", Level::none, "none", "-", [](Options) { return make_none(); }},
    CodecInfo{"fp16", "cast", Level::none, "none", "-", [](Options) { return make_fp16(); }},
    CodecInfo{"bf16", "cast", Level::none, "none", "-", [](Options) { return make_bf16(); }},
    CodecInfo{"fp8", "cast", Level::none, "none", "Micikevicius et al. 2022", [](Options o) { return make_fp8_e4m3(o.block); }},
    CodecInfo{"fp8_e5m2", "cast", Level::none, "none", "Micikevicius et al. 2022", [](Options o) { return make_fp8_e5m2(o.block); }},
    CodecInfo{"maxmin", "quantizer", Level::bits, "none", "Markov et al. 2022 (CGX)", [](Options o) { return make_maxmin(o.bucket, o.stochastic); }},
    CodecInfo{"qsgd", "quantizer", Level::bits, "none", "Alistarh et al. 2017", [](Options o) { return make_qsgd(o.bucket, o.max_norm); }},
    CodecInfo{"nuqsgd", "quantizer", Level::bits, "none", "Ramezani-Kebrya et al. 2021", [](Options o) { return make_nuqsgd(o.bucket); }},
    CodecInfo{"natural", "quantizer", Level::none, "none", "Horvath et al. 2019", [](Options) { return make_natural(); }},
    CodecInfo{"terngrad", "quantizer", Level::none, "none", "Wen et al. 2017", [](Options o) { return make_terngrad(o.clip); }},
    CodecInfo{"signsgd", "sign", Level::none, "none", "Bernstein et al. 2018, 2019", [](Options) { return make_signsgd(); }},
    CodecInfo{"signum", "sign", Level::none, "signum", "Bernstein et al. 2018", [](Options) { return make_signum(); }},
    CodecInfo{"ef_sign", "sign", Level::none, "classic", "Karimireddy et al. 2019", [](Options) { return make_ef_sign(); }},
    CodecInfo{"onebit", "sign", Level::none, "classic", "Seide et al. 2014", [](Options) { return make_onebit(); }},
    CodecInfo{"topk", "sparse", Level::density, "classic", "Stich et al. 2018", [](Options o) { return make_topk(o); }},
    CodecInfo{"dgc", "sparse", Level::density, "dgc", "Lin et al. 2018", [](Options o) { return make_dgc(o); }},
    CodecInfo{"topk_sampled", "sparse", Level::density, "classic", "Lin et al. 2018", [](Options o) { return make_topk_sampled(o); }},
    CodecInfo{"topk_chunk", "sparse", Level::density, "classic", "Peng et al. 2024 (DeMo)", [](Options o) { return make_topk_chunk(o); }},
    CodecInfo{"threshold", "sparse", Level::density, "classic", "Sahu et al. 2021", [](Options o) { return make_threshold(o); }},
    CodecInfo{"randomk", "sparse", Level::density, "classic", "Stich et al. 2018", [](Options o) { return make_randomk(o); }},
    CodecInfo{"randblock", "sparse", Level::density, "classic", "Vogels et al. 2019", [](Options o) { return make_randblock(o); }},
    CodecInfo{"gtopk", "sparse", Level::density, "classic", "Shi et al. 2019", [](Options o) { return make_topk(o, "gtopk", Pattern::gtopk); }},
    CodecInfo{"oktopk", "sparse", Level::density, "classic", "Li and Hoefler 2022", [](Options o) { return make_topk(o, "oktopk", Pattern::oktopk); }},
    CodecInfo{"scalecom", "sparse", Level::density, "lowpass", "Chen et al. 2020", [](Options o) { return make_topk(o, "scalecom", Pattern::leader_indices); }},
    CodecInfo{"powersgd", "low rank", Level::rank, "classic", "Vogels et al. 2019", [](Options o) { return make_powersgd(o.alternating); }},
};
// clang-format on

constexpr auto kNames = [] {
  std::array<std::string_view, kCodecs.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kCodecs[i].name;
  return names;
}();

}  // namespace

void Codec::measure(std::span<const Row>, const Feedback&, std::span<float>, const Exec&) const {
  fail("codec {} shares no scale.", name());
}

std::span<const CodecInfo> codecs() { return kCodecs; }
std::span<const std::string_view> codec_names() { return kNames; }

const CodecInfo& codec_info(std::string_view name) {
  for (const CodecInfo& info : kCodecs) {
    if (info.name == name) return info;
  }
  fail<JobError>("there is no codec '{}'; there are {}.", name, fmt::join(kNames, ", "));
}

std::shared_ptr<const Codec> make_codec(const CodecOptions& options) {
  return codec_info(options.name).make(options);
}

}  // namespace terse
