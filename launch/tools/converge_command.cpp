#include <fmt/format.h>

#include "terse/launch/tools/convergence.h"
#include "terse/launch/tools/tools.h"

namespace terse {
namespace {

std::string steps_text(const Outcome& outcome, int dense_steps) {
  if (!outcome.met) return fmt::format("not in {} (gap {:.2g})", outcome.steps, outcome.last);
  return fmt::format("{} ({:.2f} x)", outcome.steps,
                     static_cast<double>(outcome.steps) / dense_steps);
}

void print_row(const std::vector<Trial>& all, const std::vector<int>& dense,
               const std::string& codec, const std::string& feedback) {
  std::string row = fmt::format("| {} | {} |", codec, feedback);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Trial& trial = all[i];
    row += fmt::format(
        " {} |", steps_text(descend(*trial.problem, trial_options(codec, feedback), trial.descent),
                            dense[i]));
  }
  fmt::print("{}\n", row);
}

void print_counter_example(const Problem& problem, const char* name, const std::string& codec,
                           const std::string& feedback, const Descent& descent) {
  CompressionOptions options = trial_options(codec, feedback);
  options.density = 1.0 / 3;
  const Outcome outcome = descend(problem, options, descent);
  fmt::print("| {} | {} | {} | {} |\n", name, codec, feedback,
             outcome.met ? fmt::format("optimum in {} steps", outcome.steps)
                         : fmt::format("gap {:.3g} of the first after {} steps", outcome.last,
                                       outcome.steps));
}

}  // namespace

int converge_command(std::span<const std::string> args) {
  if (only_help(args,
                "terse converge: prints a table of how many steps each codec and feedback needs on "
                "two small problems, and one of counter-examples"))
    return 0;
  const std::vector<Trial> all = trials();
  std::vector<int> dense;
  fmt::print("| codec | feedback |");
  for (const Trial& trial : all) {
    dense.push_back(descend(*trial.problem, trial_options("none"), trial.descent).steps);
    fmt::print(" {}: steps to {} of the first gap |", trial.name, trial.descent.target);
  }
  fmt::print("\n|---|---|---|---|\n");
  for (const CodecInfo& info : codecs()) {
    if (!is_sign_vote(info)) print_row(all, dense, std::string(info.name), "default");
  }
  for (const FeedbackInfo& info : feedbacks())
    print_row(all, dense, "topk", std::string(info.name));

  fmt::print("\n| counter-example | codec | feedback | outcome |\n|---|---|---|---|\n");
  const Descent three{.world = 3, .lr = 0.02f, .target = 1e-4, .max_steps = 2000};
  for (const char* feedback : {"none", "classic", "ef21"})
    print_counter_example(*make_topk_trap(), "Beznosikov et al., example 1", "topk", feedback,
                          three);
  const Descent one{.world = 1, .lr = 0.1f, .decay_lr = true, .target = 0.05, .max_steps = 4000};
  for (const char* codec : {"signsgd", "ef_sign"})
    print_counter_example(*make_sign_trap(), "Karimireddy et al., 2", codec, "default", one);
  return 0;
}

}  // namespace terse
