#include "terse/compressors/feedback.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "terse/base/error.h"

namespace terse {
namespace {

using Options = const FeedbackOptions&;

// clang-format off
constexpr std::array kFeedbacks{
    FeedbackInfo{"none", "-", 0, false, [](Options) { return feedback::kNone; }},
    FeedbackInfo{"classic", "Seide et al. 2014; Stich et al. 2018", 0, false, [](Options) { return feedback::kClassic; }},
    FeedbackInfo{"lr_inside", "Karimireddy et al. 2019, algorithm 2", 0, false,
      [](Options) { return Feedback{.ve = 1, .ev = 1, .ed = -1, .lr_inside = true}; }},
    FeedbackInfo{"lr_inside_momentum", "Karimireddy et al. 2019, the authors' code", 0, true,
      [](Options o) { return Feedback{.uu = o.momentum, .ug = 1, .vu = 1, .vg = 0, .ve = 1, .ev = 1, .ed = -1, .lr_inside = true}; }},
    FeedbackInfo{"decay", "Xu et al. 2021 (GRACE)", 1, false,
      [](Options o) { return Feedback{.vg = o.gamma, .ve = o.beta, .ev = 1, .ed = -1}; }},
    FeedbackInfo{"dgc", "Lin et al. 2018", 0, true, [](Options o) { return feedback::dgc(o.momentum, o.nesterov, o.masking); }},
    FeedbackInfo{"ef21", "Richtarik et al. 2021", 0, false,
      [](Options) { return Feedback{.ve = -1, .ee = 1, .ed = 1, .integrate = true}; }},
    FeedbackInfo{"ef21_sgdm", "Fatkhullin et al. 2023", 0, true,
      [](Options o) { return Feedback{.uu = o.momentum, .ug = 1 - o.momentum, .vu = 1, .vg = 0, .ve = -1, .ee = 1, .ed = 1, .integrate = true}; }},
    FeedbackInfo{"lowpass", "Chen et al. 2020 (ScaleCom)", 0.1f, false,
      [](Options o) { return Feedback{.ve = 1, .ev = o.beta, .ee = 1 - o.beta, .ed = -o.beta}; }},
    FeedbackInfo{"demo", "Peng et al. 2024", 0.999f, false,
      [](Options o) { return Feedback{.ve = o.beta, .ev = 1, .ed = -1, .lr_inside = true}; }},
    FeedbackInfo{"sparseloco", "Sarfi et al. 2025", 0.95f, false,
      [](Options o) { return Feedback{.ve = o.beta, .ev = 1, .ed = -1}; }},
    FeedbackInfo{"signum", "Bernstein et al. 2018", 0, true,
      [](Options o) { return Feedback{.uu = o.momentum, .ug = 1 - o.momentum, .vu = 1, .vg = 0}; }},
};
// clang-format on

}  // namespace

Feedback Feedback::at(float lr) const {
  if (!lr_inside) return *this;
  if (!(lr > 0 && std::isfinite(lr))) {
    fail(
        "a feedback with the learning rate inside its memory needs a finite learning rate above 0 "
        "in "
        "every step; this one is {}.",
        lr);
  }
  Feedback now = *this;
  now.vu *= lr;
  now.vg *= lr;
  now.unit = lr;
  return now;
}

std::span<const FeedbackInfo> feedbacks() { return kFeedbacks; }

const FeedbackInfo& feedback_info(std::string_view name) {
  std::vector<std::string_view> names;
  for (const FeedbackInfo& info : kFeedbacks) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  fail<JobError>("there is no error feedback '{}'; there are {}.", name, fmt::join(names, ", "));
}

Feedback make_feedback(std::string_view name, const FeedbackOptions& options) {
  const FeedbackInfo& info = feedback_info(name);
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    fail<JobError>("feedback {} cannot use a momentum of {}: it must be in [0, 1).", name,
                   options.momentum);
  }
  if (!(options.beta > 0 && options.beta <= 1)) {
    fail<JobError>("feedback {} cannot use beta = {}: it must be in (0, 1].", name, options.beta);
  }
  if (!(options.gamma > 0 && std::isfinite(options.gamma))) {
    fail<JobError>("feedback {} cannot use gamma = {}: it must be finite and above 0.", name,
                   options.gamma);
  }
  return info.make(options);
}

}  // namespace terse
