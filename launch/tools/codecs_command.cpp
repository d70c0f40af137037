#include <fmt/format.h>

#include "terse/compressors/codec.h"
#include "terse/compressors/low_rank/low_rank.h"
#include "terse/launch/tools/files/message_file.h"
#include "terse/launch/tools/tools.h"

namespace terse {
namespace {

constexpr std::uint32_t kSide = 1 << 10, kElements = kSide * kSide;

std::string_view collective(Pattern pattern) {
  if (pattern == Pattern::reduce_scatter) return "reduce-scatter, all-gather";
  return pattern == Pattern::all_gather ? "all-gather" : "its own rounds";
}

std::string_view yes_or_dash(bool is) { return is ? "yes" : "-"; }

// Most bytes at the codec's default level; low-rank codecs encode a square matrix.
std::size_t max_bytes(const Codec& codec, const CodecInfo& info) {
  const float level = default_level(info);
  if (info.level != Level::rank) return codec.capacity(kElements, level);
  const low_rank::Shape shape = low_rank::shape_of(kSide, kSide, level);
  return (shape.p() + shape.q()) * sizeof(float);
}

// "<= " marks an upper bound.
std::string bits(const Codec& codec, const CodecInfo& info) {
  const std::size_t bytes = max_bytes(codec, info);
  return fmt::format("{}{:.2f}", codec.traits().fixed_size ? "" : "<= ",
                     8.0 * static_cast<double>(bytes) / kElements);
}

int bytes_kept(const Feedback& f) {
  return 4 * (f.keeps_residual() + f.keeps_velocity() + f.integrate);
}

}  // namespace

int codecs_command(std::span<const std::string> args) {
  if (only_help(args, "terse codecs: prints a table of all codecs")) return 0;
  constexpr const char* kRow = "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n";
  fmt::print(fmt::runtime(kRow), "codec", "family", "biased", "summable", "fixed size",
             "bits per element", "collective", "feedback", "bytes kept per element", "paper");
  fmt::print("|---|---|---|---|---|---|---|---|---|---|\n");
  for (const CodecInfo& info : codecs()) {
    const auto codec = make_codec({.name = std::string(info.name)});
    const Traits traits = codec->traits();
    fmt::print(fmt::runtime(kRow), info.name, info.family, yes_or_dash(traits.biased),
               yes_or_dash(traits.summable), yes_or_dash(traits.fixed_size), bits(*codec, info),
               collective(traits.pattern), info.feedback,
               bytes_kept(make_feedback(info.feedback, {})), info.paper);
  }
  return 0;
}

}  // namespace terse
