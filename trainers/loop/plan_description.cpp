#include "terse/trainers/loop/plan_description.h"

#include "terse/config/options.h"

namespace terse {
namespace {

std::string megabytes(std::size_t bytes) {
  return fmt::format("{:.3f} MB", static_cast<double>(bytes) / 1e6);
}

std::string level_text(const Scheme& scheme, const LayerAssignment& assignment) {
  switch (codec_info(scheme.codec->name()).level) {
    case Level::none:
      break;
    case Level::bits:
      return fmt::format("{} bits", assignment.level);
    case Level::density:
      return fmt::format("density {:.6g}", assignment.level);
    case Level::rank:
      return fmt::format("rank {}", assignment.level);
  }
  return "";
}

}  // namespace

std::string level_text(const Plan& plan) {
  for (const LayerAssignment& assignment : plan.assignments) {
    if (assignment.scheme != 0) return level_text(plan.schemes[assignment.scheme], assignment);
  }
  return "";
}

std::string warn_if_no_gain(const GradientReducer& reducer) {
  const std::size_t planned = reducer.planned_bytes(), dense = reducer.dense_bytes();
  if (dense == 0 || planned <= dense) return "";
  return fmt::format(
      "this compression sends up to {} per step and rank, but compression.codec = none sends {}. "
      "Use "
      "none, fewer bits or a lower density.",
      megabytes(planned), megabytes(dense));
}

std::string describe_plan(const Job& job, GradientReducer& reducer, int world) {
  const Plan& plan = reducer.plan();
  std::string text = to_ini(job);
  text += fmt::format("\nPlan of epoch 0 for {} rank{}\n{:<28} {:>10}  {:<8} {}\n", world,
                      world == 1 ? "" : "s", "layer", "elements", "codec", "level");
  std::size_t compressed = 0, total = 0;
  const auto layers = reducer.layers();
  for (std::size_t i = layers.size(); i-- > 0;) {  // in the module's order
    const Scheme& scheme = plan.schemes[plan.assignments[i].scheme];
    text += fmt::format("{:<28} {:>10}  {:<8} {}\n", layers[i].name, layers[i].size, scheme.name,
                        level_text(scheme, plan.assignments[i]));
    total += layers[i].size;
    if (plan.assignments[i].scheme != 0) compressed += layers[i].size;
  }
  text += fmt::format("{} of {} elements are sent by {}, in {} groups\n", compressed, total,
                      job.compression.codec.name, make_groups(layers, plan).size());
  const std::size_t planned = reducer.planned_bytes(), dense = reducer.dense_bytes();
  text += fmt::format("bytes per step and rank: at most {}; dense {}", megabytes(planned),
                      megabytes(dense));
  if (planned > 0)
    text += fmt::format(" ({:.1f} times as many)",
                        static_cast<double>(dense) / static_cast<double>(planned));
  text +=
      fmt::format("\nmemory per rank: gradients {}, residuals and velocities {}, workspace {}\n",
                  megabytes(reducer.arena_bytes()), megabytes(reducer.reducer().state().bytes()),
                  megabytes(reducer.reducer().workspace_bytes()));
  if (waits_for_all_layers(plan))
    text += "compression.clip_scope = global: no gradient is sent before backward is complete\n";
  if (const std::string warning = warn_if_no_gain(reducer); !warning.empty())
    text += "warning: " + warning + "\n";
  return text;
}

}  // namespace terse
