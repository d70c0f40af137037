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
#pragma once

namespace terse {

struct Feedback {
  float uu = 0, ug = 0;
  float vu = 0, vg = 1, ve = 0;
  float ev = 0, ee = 0, ed = 0;
  bool clear_velocity = false;

  constexpr bool keeps_residual() const { return ev != 0 || ee != 0 || ed != 0; }
  constexpr bool keeps_velocity() const { return uu != 0 || ug != 0; }
  bool operator==(const Feedback&) const = default;
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

// The second rounding, at the owner of a shard: what it encodes is the mean over `world` ranks, and
// the residual is kept in units of the sum, so e' = N v - N dec.
constexpr Feedback second(const Feedback& first, int world) {
  if (!first.keeps_residual()) return kNone;
  return {.ev = static_cast<float>(world), .ed = -static_cast<float>(world)};
}

}  // namespace feedback
}  // namespace terse
