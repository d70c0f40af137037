#include "terse/comm/reducer/make_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "terse/base/error.h"
#include "terse/comm/exchange/exchange.h"
#include "terse/compressors/low_rank/low_rank.h"

namespace terse {
namespace {

constexpr std::size_t kGroupBytes = 1 << 20;
constexpr int kWholeLayerGroups =
    6;  // for codecs that cannot be cut: 4 to 8 groups for the whole model

float level_of(const CompressionOptions& options, const CodecInfo& info, std::int64_t epoch) {
  switch (info.level) {
    case Level::none:
      break;
    case Level::bits:
      return static_cast<float>(options.bits);
    case Level::rank:
      return static_cast<float>(options.rank);
    case Level::density:
      return static_cast<float>(
          dgc_density(options.density, options.warmup_epochs, options.warmup_densities, epoch));
  }
  return 0;
}

// The feedback of DGC is part of the method; others can be combined with any codec.
const FeedbackInfo& feedback_row(const CompressionOptions& options, const CodecInfo& info) {
  if (info.feedback == "dgc" && options.feedback != "default") {
    fail<JobError>(
        "compression.feedback = {} cannot be joined to {}, which brings its own; leave the key "
        "out.",
        options.feedback, info.name);
  }
  return feedback_info(options.feedback == "default" ? info.feedback : options.feedback);
}

Feedback feedback_of(const CompressionOptions& options, const FeedbackInfo& row) {
  const float published = row.beta == 0 ? 1 : row.beta;
  return make_feedback(row.name,
                       {.momentum = static_cast<float>(options.momentum),
                        .nesterov = options.nesterov,
                        .masking = options.masking,
                        .beta = options.beta == 0 ? published : static_cast<float>(options.beta),
                        .gamma = static_cast<float>(options.gamma)});
}

// Refuses combinations that would run without doing what their names say.
void check_combination(const std::shared_ptr<const Codec>& codec, const Feedback& feedback) {
  if (feedback.clear_velocity && codec->traits().block != 0) {
    fail<JobError>(
        "compression.feedback = dgc forgets the momentum of what was sent, and {} sends "
        "everything; choose a sparse codec, or set compression.masking = false.",
        codec->name());
  }
  make_exchange(codec, feedback);
}

Scheme dense_scheme() {
  return {.name = "dense",
          .codec = make_codec({.name = "none"}),
          .feedback = {},
          .group_bytes = kGroupBytes};
}

low_rank::Shape shape_of(const Layer& layer, float rank) {
  return low_rank::shape_of(layer.rows, layer.rows == 0 ? 0 : layer.size / layer.rows, rank);
}

bool has_room(const Layer& layer, float rank) {
  return low_rank::saves_bytes(shape_of(layer, rank));
}

// A rank above that of all matrices would silently leave all layers dense.
void require_rank(std::span<const Layer> layers, float rank) {
  std::uint32_t most = 0;
  for (const Layer& layer : layers)
    most = std::max(most, shape_of(layer, std::numeric_limits<float>::max()).rank);
  if (most == 0 || rank <= static_cast<float>(most)) return;
  fail<JobError>("compression.rank = {} is above {}, the largest rank that any layer can have.",
                 rank, most);
}

std::size_t group_bytes_of(const CompressionOptions& options, const Codec& codec,
                           std::size_t compressed_bytes) {
  if (options.group_bytes != 0) return options.group_bytes;
  if (codec.traits().block != 0) return kGroupBytes;
  return std::max<std::size_t>(compressed_bytes / kWholeLayerGroups, kGroupBytes / 4);
}

}  // namespace

double dgc_density(double final_density, int warmup_epochs, std::span<const double> densities,
                   std::int64_t epoch) {
  if (epoch < static_cast<std::int64_t>(densities.size()))
    return densities[static_cast<std::size_t>(epoch)];
  if (!densities.empty() || epoch >= warmup_epochs) return final_density;
  const double base = std::pow(final_density, 1.0 / (warmup_epochs + 1));
  return std::max(std::pow(base, static_cast<double>(epoch + 1)), final_density);
}

Plan make_plan(std::span<const Layer> layers, const CompressionOptions& options, std::int64_t epoch,
               int world) {
  Plan plan;
  plan.schemes.push_back(dense_scheme());
  plan.assignments.resize(layers.size());
  plan.clip_norm = options.clip_norm / std::sqrt(static_cast<double>(world));
  plan.clip_global = options.clip_global;
  const CodecInfo& info = codec_info(options.codec.name);
  const FeedbackInfo& row = feedback_row(options, info);
  const bool owns_momentum = row.owns_momentum;
  if (options.clip_norm != 0 && !owns_momentum) {
    fail<JobError>(
        "compression.clip_norm is dgc's local clipping; codec = {} has none (train.clip_norm clips "
        "the averaged gradient).",
        options.codec.name);
  }

  Scheme scheme{.name = options.codec.name,
                .codec = make_codec(options.codec),
                .options = options.codec,
                .feedback = feedback_of(options, row),
                .owns_momentum = owns_momentum,
                .clips = options.clip_norm > 0};
  const float level = level_of(options, info, epoch);
  scheme.codec->check(level, scheme.feedback);
  if (info.level == Level::rank) require_rank(layers, level);
  check_combination(scheme.codec, scheme.feedback);
  if (options.codec.name == "none" && scheme.feedback == feedback::kNone) {
    plan.schemes.front().group_bytes = group_bytes_of(options, *scheme.codec, 0);
    return plan;
  }

  std::size_t compressed_bytes = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].dimensions < 2 || layers[i].size < options.min_elements) continue;
    if (info.level == Level::rank && !has_room(layers[i], level)) continue;
    plan.assignments[i] = {.scheme = 1, .level = level};
    compressed_bytes += layers[i].size * sizeof(float);
  }
  scheme.group_bytes = group_bytes_of(options, *scheme.codec, compressed_bytes);
  plan.schemes.push_back(std::move(scheme));
  return plan;
}

std::size_t step_bytes(std::span<const Layer> layers, const Plan& plan, int rank, int world) {
  std::size_t bytes = 0;
  for (const GroupSpec& spec : make_groups(layers, plan)) {
    const Scheme& scheme = plan.schemes[spec.scheme];
    const auto exchange = make_exchange(scheme.codec, scheme.feedback);
    bytes += exchange->build({layers, plan, spec, rank, world, nullptr, nullptr})->sent_bytes();
  }
  return bytes;
}

}  // namespace terse
