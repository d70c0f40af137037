#include "terse/comm/plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "terse/base/error.h"
#include "terse/base/random.h"
#include "terse/comm/exchange.h"
#include "terse/compressors/codec_options.h"
#include "terse/compressors/low_rank.h"

namespace terse {
namespace {

constexpr std::size_t kGroupBytes = 1 << 20;
constexpr int kWholeLayerGroups =
    6;  // for codecs that cannot be cut: 4 to 8 groups for the whole model

float level_of(const Compression& words, const CodecInfo& info, std::int64_t epoch) {
  switch (info.level) {
    case Level::none:
      break;
    case Level::bits:
      return static_cast<float>(words.bits);
    case Level::rank:
      return static_cast<float>(words.rank);
    case Level::density:
      return static_cast<float>(
          dgc_density(words.density, words.warmup_epochs, words.warmup_densities, epoch));
  }
  return 0;
}

// What DGC and its like bring is part of the method; others can be joined to any codec.
const FeedbackInfo& feedback_row(const Compression& words, const CodecInfo& info) {
  if (info.feedback == "dgc" && words.feedback != "default") {
    fail<JobError>(
        "compression.feedback = {} cannot be joined to {}, which brings its own; leave the key "
        "out.",
        words.feedback, info.name);
  }
  return feedback_info(words.feedback == "default" ? info.feedback : words.feedback);
}

Feedback feedback_of(const Compression& words, const FeedbackInfo& row) {
  const float published = row.beta == 0 ? 1 : row.beta;
  return make_feedback(row.name,
                       {.momentum = static_cast<float>(words.momentum),
                        .nesterov = words.nesterov,
                        .masking = words.masking,
                        .beta = words.beta == 0 ? published : static_cast<float>(words.beta),
                        .gamma = static_cast<float>(words.gamma)});
}

// Refuses what would run and not do what its name says.
void check_join(const std::shared_ptr<const Codec>& codec, const Feedback& feedback) {
  if (feedback.clear_velocity && codec->traits().block != 0) {
    fail<JobError>(
        "compression.feedback = dgc forgets the momentum of what was sent, and {} sends "
        "everything; choose a sparse codec, or set compression.masking = false.",
        codec->name());
  }
  make_exchange(codec, feedback);
}

Family dense_family() {
  return {.name = "dense",
          .codec = make_codec({.name = "none"}),
          .feedback = {},
          .group_bytes = kGroupBytes};
}

std::uint64_t hash_of(const CodecOptions& options) {
  return combine(hash64(options.name), hash64(text_of(options)));
}

low_rank::Shape shape_of(const Layer& layer, float rank) {
  return low_rank::shape_of(layer.rows, layer.rows == 0 ? 0 : layer.size / layer.rows, rank);
}

bool has_room(const Layer& layer, float rank) { return low_rank::pays(shape_of(layer, rank)); }

// A rank that no matrix has would leave all layers dense without a word.
void require_rank(std::span<const Layer> layers, float rank) {
  std::uint32_t most = 0;
  for (const Layer& layer : layers)
    most = std::max(most, shape_of(layer, std::numeric_limits<float>::max()).rank);
  if (most == 0 || rank <= static_cast<float>(most)) return;
  fail<JobError>("compression.rank = {} is above {}, the largest rank that any layer can have.",
                 rank, most);
}

std::size_t group_bytes_of(const Compression& words, const Codec& codec,
                           std::size_t compressed_bytes) {
  if (words.group_bytes != 0) return words.group_bytes;
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

std::uint32_t Plan::hash() const {
  std::uint64_t sum = mix64(families.size());
  for (const Family& family : families) {
    sum = combine(sum, hash_of(family.options),
                  hash64(std::as_bytes(std::span(&family.feedback.uu, 8))),
                  family.feedback.clear_velocity, family.group_bytes, family.clips,
                  family.feedback.integrate, family.feedback.lr_inside);
  }
  for (const Cell& cell : cells)
    sum = combine(sum, cell.family, std::bit_cast<std::uint32_t>(cell.level));
  return static_cast<std::uint32_t>(
      combine(sum, std::bit_cast<std::uint64_t>(clip_norm), clip_global));
}

Plan make_plan(std::span<const Layer> layers, const Compression& words, std::int64_t epoch,
               int world) {
  Plan plan;
  plan.families.push_back(dense_family());
  plan.cells.resize(layers.size());
  plan.clip_norm = words.clip_norm / std::sqrt(static_cast<double>(world));
  plan.clip_global = words.clip_global;
  const CodecInfo& info = codec_info(words.codec.name);
  const FeedbackInfo& row = feedback_row(words, info);
  const bool owns_momentum = row.owns_momentum;
  if (words.clip_norm != 0 && !owns_momentum) {
    fail<JobError>(
        "compression.clip_norm is dgc's local clipping; codec = {} has none (train.clip_norm clips "
        "the averaged gradient).",
        words.codec.name);
  }

  Family family{.name = words.codec.name,
                .codec = make_codec(words.codec),
                .options = words.codec,
                .feedback = feedback_of(words, row),
                .owns_momentum = owns_momentum,
                .clips = words.clip_norm > 0};
  const float level = level_of(words, info, epoch);
  family.codec->check(level, family.feedback);
  if (info.level == Level::rank) require_rank(layers, level);
  check_join(family.codec, family.feedback);
  if (words.codec.name == "none" && family.feedback == feedback::kNone) {
    plan.families.front().group_bytes = group_bytes_of(words, *family.codec, 0);
    return plan;
  }

  std::size_t compressed_bytes = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].dimensions < 2 || layers[i].size < words.min_elements) continue;
    if (info.level == Level::rank && !has_room(layers[i], level)) continue;
    plan.cells[i] = {.family = 1, .level = level};
    compressed_bytes += layers[i].size * sizeof(float);
  }
  family.group_bytes = group_bytes_of(words, *family.codec, compressed_bytes);
  plan.families.push_back(std::move(family));
  return plan;
}

std::vector<GroupSpec> make_groups(std::span<const Layer> layers, const Plan& plan) {
  std::vector<GroupSpec> groups;
  for (std::uint16_t f = 0; f < plan.families.size(); ++f) {
    const Family& family = plan.families[f];
    const std::uint32_t block = family.codec->traits().block;
    const auto limit =
        static_cast<std::uint32_t>(std::max<std::size_t>(family.group_bytes / sizeof(float), 1));
    GroupSpec group{.family = f, .pieces = {}};
    std::uint32_t filled = 0;
    const auto flush = [&] {
      if (!group.pieces.empty())
        groups.push_back(std::exchange(group, {.family = f, .pieces = {}}));
      filled = 0;
    };
    for (std::uint32_t i = 0; i < layers.size(); ++i) {
      if (plan.cells[i].family != f) continue;
      for (std::uint32_t first = 0; first < layers[i].size;) {
        std::uint32_t n = layers[i].size - first;
        if (block != 0 && n > limit - filled) {
          n = std::min<std::uint32_t>(n, std::max((limit - filled) / block, 1u) * block);
        }
        group.pieces.push_back({i, first, n});
        first += n;
        filled += n;
        if (filled >= limit) flush();
        // What is left of a limit is cut off only while it holds a block.
        if (filled != 0 && block != 0 && limit - filled < block) flush();
      }
    }
    flush();
  }
  // By the moment at which they are complete: the last layer in ready order that they wait for.
  std::stable_sort(groups.begin(), groups.end(), [](const GroupSpec& a, const GroupSpec& b) {
    return a.pieces.back().layer < b.pieces.back().layer;
  });
  return groups;
}

std::vector<Turn> make_order(std::span<const Timing> timings, int depth) {
  struct Standing {
    int turn = 0;
    std::int64_t due = 0;
    std::uint16_t workspace = 0;
  };
  std::vector<Standing> groups(timings.size());
  std::vector<std::uint16_t> free_workspaces;
  for (int i = depth - 1; i >= 0; --i) free_workspaces.push_back(static_cast<std::uint16_t>(i));
  std::size_t turns = 0;
  for (std::size_t g = 0; g < timings.size(); ++g) {
    groups[g].due = timings[g].ready_us;
    turns += static_cast<std::size_t>(timings[g].rounds) + 1;
  }

  std::vector<Turn> order;
  order.reserve(turns);
  std::int64_t now = 0, link = 0;  // the second: until when it is taken by the rounds so far
  while (order.size() < turns) {
    std::size_t next = groups.size();
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (groups[g].turn > timings[g].rounds) continue;
      if (groups[g].turn == 0 && free_workspaces.empty()) continue;
      if (next == groups.size() || groups[g].due < groups[next].due) next = g;
    }
    Standing& group = groups[next];
    if (group.turn == 0) {
      group.workspace = free_workspaces.back();
      free_workspaces.pop_back();
    }
    order.push_back({static_cast<std::uint16_t>(next), group.workspace});
    now = std::max(now, group.due);
    if (++group.turn > timings[next].rounds) {
      free_workspaces.push_back(group.workspace);
      continue;
    }
    link = std::max(link, now) + timings[next].round_us;
    group.due = link;
  }
  return order;
}

std::size_t step_bytes(std::span<const Layer> layers, const Plan& plan, int rank, int world) {
  std::size_t bytes = 0;
  for (const GroupSpec& spec : make_groups(layers, plan)) {
    const Family& family = plan.families[spec.family];
    bytes +=
        make_exchange(family.codec, family.feedback)->sent_bytes(layers, plan, spec, rank, world);
  }
  return bytes;
}

}  // namespace terse
