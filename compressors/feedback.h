// Error feedback as data. Every scheme that terse knows is linear in gradient, memory and decoded
// value, so that one fused kernel serves them all. Per element, in exactly this order of
// operations, in fp32 and without contraction:
//
//   g  = scale * grad                      (scale 1: g = grad)
//   u' = uu * u + ug * g                   velocity
//   v  = (vu * u' + vg * g) + ve * e       what is encoded
//   e' = (ev * v + ee * e) + ed * dec      what is kept; dec is the decoded value, 0 if not sent
//   u' = 0 where sent, if clear_velocity   (DGC's momentum factor masking)
//
// A term whose coefficient is 0 is left out altogether (its memory is neither read nor written),
// and a coefficient of 1 is no multiplication: for `classic` the residual is fl32(v - dec) to the
// bit.
//
// The names under which a job asks for them stand in one table, in feedback.cpp.
#pragma once

#include <span>
#include <string_view>

namespace terse {

struct Feedback {
  float uu = 0, ug = 0;
  float vu = 0, vg = 1, ve = 0;
  float ev = 0, ee = 0, ed = 0;
  bool clear_velocity = false;
  bool integrate = false;  // e is an estimate, and out = base' = base + mean of dec (EF21)
  bool lr_inside = false;  // the learning rate is a factor on vu and vg: see at()
  float unit = 1;          // v of a gradient of 1; the mean of the sum is divided by it

  constexpr bool keeps_residual() const { return ev != 0 || ee != 0 || ed != 0; }
  constexpr bool keeps_velocity() const { return uu != 0 || ug != 0; }
  // The residual is v itself until something was sent: it can be made in the place of v.
  constexpr bool keeps_unsent() const { return ev == 1 && ee == 0; }
  bool operator==(const Feedback&) const = default;

  // What holds in a step with this learning rate. Throws Error unless it is above 0, where it
  // matters.
  Feedback at(float lr) const;
};

// What a feedback may depend on besides the job.
struct StepInfo {
  float lr = 1;
};

namespace feedback {

inline constexpr Feedback kNone{};
// Seide et al. 2014; Stich et al. 2018 (learning rate outside the memory).
inline constexpr Feedback kClassic{.ve = 1, .ev = 1, .ed = -1};

// Lin et al. 2018, sections 3.1 and 3.2: momentum correction and factor masking.
constexpr Feedback dgc(float momentum, bool nesterov, bool masking) {
  return {.uu = momentum,
          .ug = nesterov ? momentum : 1,
          .vu = 1,
          .vg = nesterov ? 1.0f : 0.0f,
          .ve = 1,
          .ev = 1,
          .ed = -1,
          .clear_velocity = masking};
}

// What turns a sum over `world` ranks into the mean gradient.
constexpr float weight(const Feedback& f, int world) {
  return 1.0f / (static_cast<float>(world) * f.unit);
}

// The second rounding, at the owner of a shard: what it encodes is the mean gradient over `world`
// ranks, and the residual is kept in units of the sum of v; with N the quotient of the two, and the
// owner's old residual already part of the mean, e' = (ev N v + ee e) + ed N dec.
constexpr Feedback second(const Feedback& first, int world) {
  if (!first.keeps_residual()) return kNone;
  const float sum = static_cast<float>(world) * first.unit;
  return {.ev = sum * first.ev, .ee = first.ee, .ed = sum * first.ed};
}

}  // namespace feedback

// A job's words on its feedback; each row reads what concerns it.
struct FeedbackOptions {
  float momentum = 0;     // dgc, signum, lr_inside_momentum; ef21_sgdm: 1 - eta
  bool nesterov = false;  // dgc
  bool masking = true;    // dgc: factor masking
  float beta = 1;   // decay, sparseloco, demo: factor on the old residual; lowpass: on the new
  float gamma = 1;  // decay: factor on the gradient
};

// One row of the table.
struct FeedbackInfo {
  std::string_view name;
  std::string_view paper;
  float beta;          // its published default; 0: it has none
  bool owns_momentum;  // the optimizer keeps none for its layers
  Feedback (*make)(const FeedbackOptions&);
};

std::span<const FeedbackInfo> feedbacks();
// An unknown name is a JobError that lists them.
const FeedbackInfo& feedback_info(std::string_view name);
// Throws JobError with one sentence where the words are out of range.
Feedback make_feedback(std::string_view name, const FeedbackOptions& options);

}  // namespace terse
