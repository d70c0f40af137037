// The arithmetic of feedback.h, one element at a time: terms are added from left to right, and
// those with coefficient 0 are left out.
#pragma once

#include <optional>

#include "terse/compressors/feedback.h"

namespace terse::reference {

class Sum {
 public:
  Sum& add(float coefficient, float value) {
    if (coefficient == 0) return *this;
    const float term = coefficient == 1 ? value : coefficient * value;
    sum_ = sum_ ? *sum_ + term : term;
    return *this;
  }
  std::optional<float> sum() const { return sum_; }
  float or_zero() const { return sum_.value_or(0); }

 private:
  std::optional<float> sum_;
};

// The new velocity, and the value to encode.
struct Element {
  float u, v;
};
inline Element fold(const Feedback& f, float scale, float grad, float u, float e) {
  const float g = scale == 1 ? grad : scale * grad;
  const Sum velocity = Sum().add(f.uu, u).add(f.ug, g);
  Sum v;
  if (velocity.sum()) v.add(f.vu, *velocity.sum());
  v.add(f.vg, g).add(f.ve, e);
  return {velocity.or_zero(), v.or_zero()};
}

inline float residual(const Feedback& f, float v, float e, float decoded) {
  return Sum().add(f.ev, v).add(f.ee, e).add(f.ed, decoded).or_zero();
}

}  // namespace terse::reference
