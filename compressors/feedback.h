// Error feedback as data. Every scheme in terse is linear in gradient, memory and decoded value, so
// one fused kernel serves them all. Per element, in exactly this order of operations, in fp32 and
// without contraction:
//
//   g  = scale * grad                      (scale 1: g = grad)
//   u' = uu * u + ug * g                   velocity
//   v  = (vu * u' + vg * g) + ve * e       the value to encode
//   e' = (ev * v + ee * e) + ed * dec      residual; dec is the decoded value, 0 if not sent
//   u' = 0 where sent, if clear_velocity   (DGC's momentum factor masking)
//
// A term whose coefficient is 0 is left out (its memory is neither read nor written), and a
// coefficient of 1 does not multiply: for `classic` the residual is fl32(v - dec) to the bit.
//
// The table in feedback.cpp maps the names that jobs use to these coefficients.
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
  bool operator==(const Feedback&) const = default;

  // The coefficients of a step with this learning rate. Throws Error if they depend on it and it is
  // not a finite number above 0.
  Feedback at(float lr) const;
};

// Inputs of a feedback that change from step to step.
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

// The factor that turns a sum over `world` ranks into the mean gradient.
constexpr float weight(const Feedback& f, int world) {
  return 1.0f / (static_cast<float>(world) * f.unit);
}

// The feedback of the second encode, at the owner of a shard. It encodes the mean gradient over
// `world` ranks but keeps the residual in units of the sum of v. The owner's old residual is
// already part of the mean, so with N the quotient of the two units, e' = (ev N v + ee e) + ed N
// dec.
constexpr Feedback second(const Feedback& first, int world) {
  if (!first.keeps_residual()) return kNone;
  const float sum = static_cast<float>(world) * first.unit;
  return {.ev = sum * first.ev, .ee = first.ee, .ed = sum * first.ed};
}

}  // namespace feedback

// A job's options for its feedback; each row of the table reads those that it has.
struct FeedbackOptions {
  float momentum = 0;     // dgc, signum, lr_inside_momentum; ef21_sgdm: 1 - eta
  bool nesterov = false;  // dgc
  bool masking = true;    // dgc: factor masking
  float beta = 1;   // decay, sparseloco, demo: factor on the old residual; lowpass: on the new
  float gamma = 1;  // decay: factor on the gradient
};

// A row of the table.
struct FeedbackInfo {
  std::string_view name;
  std::string_view paper;
  float beta;          // its published default; 0: none
  bool owns_momentum;  // the optimizer must not keep a momentum of its own for its layers
  Feedback (*make)(const FeedbackOptions&);
};

std::span<const FeedbackInfo> feedbacks();
// Throws a JobError that lists them if the name is unknown.
const FeedbackInfo& feedback_info(std::string_view name);
// Throws JobError with one sentence if an option is out of range.
Feedback make_feedback(std::string_view name, const FeedbackOptions& options);

}  // namespace terse
