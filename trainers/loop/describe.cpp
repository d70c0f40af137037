#include "terse/trainers/loop/describe.h"

#include "terse/config/options.h"

namespace terse {
namespace {

std::string megabytes(std::size_t bytes) {
  return fmt::format("{:.3f} MB", static_cast<double>(bytes) / 1e6);
}

std::string level_text(const Scheme& scheme, const LayerAssignment& cell) {
  switch (codec_info(scheme.codec->name()).level) {
    case Level::none:
      break;
    case Level::bits:
      return fmt::format("{} bits", cell.level);
    case Level::density:
      return fmt::format("density {:.6g}", cell.level);
    case Level::rank:
      return fmt::format("rank {}", cell.level);
  }
  return "";
}

}  // namespace

std::string level_text(const Plan& plan) {
  for (const LayerAssignment& cell : plan.assignments) {
    if (cell.scheme != 0) return level_text(plan.schemes[cell.scheme], cell);
  }
  return "";
}

std::string warn_if_no_gain(const GradientReducer& reducer) {
  const std::size_t planned = reducer.planned_bytes(), dense = reducer.dense_bytes();
  if (dense == 0 || planned <= dense) return "";
  return fmt::format(
      "this compression sends up to {} a step and rank where codec = none sends {}: it cannot pay. "
      "Use none, or fewer bits, or a "
      "lower density.",
      megabytes(planned), megabytes(dense));
}

std::string describe(const Job& job, GradientReducer& reducer, int world) {
  const Plan& plan = reducer.plan();
  std::string text = to_ini(job);
  text += fmt::format("\nPlan of epoch 0 for {} rank{}\n{:<28} {:>10}  {:<8} {}\n", world,
                      world == 1 ? "" : "s", "layer", "elements", "travels", "level");
  std::size_t compressed = 0, total = 0;
  const auto layers = reducer.layers();
  for (std::size_t i = layers.size(); i-- > 0;) {  // in the module's order
    const Scheme& scheme = plan.schemes[plan.assignments[i].scheme];
    text += fmt::format("{:<28} {:>10}  {:<8} {}\n", layers[i].name, layers[i].size, scheme.name,
                        level_text(scheme, plan.assignments[i]));
    total += layers[i].size;
    if (plan.assignments[i].scheme != 0) compressed += layers[i].size;
  }
  text += fmt::format("{} of {} elements travel by {}, in {} groups\n", compressed, total,
                      job.compression.codec, make_groups(layers, plan).size());
  const std::size_t planned = reducer.planned_bytes(), dense = reducer.dense_bytes();
  text += fmt::format("sent by a rank a step: at most {}; dense {}", megabytes(planned),
                      megabytes(dense));
  if (planned > 0)
    text +=
        fmt::format(" ({:.1f} times)", static_cast<double>(dense) / static_cast<double>(planned));
  text +=
      fmt::format("\nmemory of a rank: gradients {}, residuals and velocities {}, workspace {}\n",
                  megabytes(reducer.arena_bytes()), megabytes(reducer.reducer().state().bytes()),
                  megabytes(reducer.reducer().workspace_bytes()));
  if (waits_for_all_layers(plan))
    text += "nothing leaves before backward is over: compression.clip_scope = global\n";
  if (const std::string warning = warn_if_no_gain(reducer); !warning.empty())
    text += "warning: " + warning + "\n";
  return text;
}

}  // namespace terse
