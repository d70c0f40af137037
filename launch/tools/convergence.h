// Gradient descent over a world of threads with compressed gradients: how many steps does a codec
// with its error feedback need?
#pragma once

#include <string>
#include <vector>

#include "terse/comm/reducer/make_plan.h"
#include "terse/launch/tools/problems.h"

namespace terse {

struct Descent {
  int world = 4;
  float lr = 0.02f;
  bool falling = false;  // the learning rate of step t is lr / sqrt(t + 1)
  double target = 0.01;  // of the gap at the start
  int most_steps = 1000;
};

struct Outcome {
  int steps = 0;  // taken until the target was met, or all of them
  bool met = false;
  double best = 1;  // the smallest gap seen, and the last one, of the gap at the start
  double last = 1;
};

// Every layer of two dimensions travels by `words`. Where the feedback keeps the momentum, the
// learning rate is divided by what it adds up to. Throws JobError where the two cannot be joined.
Outcome descend(const Problem& problem, const CompressionOptions& args, const Descent& descent);

// What the codec needs to be tried on small layers: a density of 0.1 (0.5 where it is
// chosen blindly), 4 bits, and its default
// feedback.
CompressionOptions trial_words(const std::string& codec, const std::string& feedback = "default");

// Whether the codec moves every unknown by one and the same length, so that a step of its own kind
// would have to be found for it.
bool votes(const CodecInfo& info);

// The two problems that everything is tried on, with the descent that suits each.
struct Trial {
  const char* name;
  std::unique_ptr<Problem> problem;
  Descent descent;
};
std::vector<Trial> trials();

}  // namespace terse
