// Gradient descent on ranks of threads with compressed gradients, to count the steps that a codec
// with its error feedback needs.
#pragma once

#include <string>
#include <vector>

#include "terse/comm/reducer/make_plan.h"
#include "terse/launch/tools/problems.h"

namespace terse {

struct Descent {
  int world = 4;
  float lr = 0.02f;
  bool decay_lr = false;  // the learning rate of step t is lr / sqrt(t + 1)
  double target = 0.01;   // of the gap at the start
  int max_steps = 1000;
};

struct Outcome {
  int steps = 0;  // taken until the target was met, or max_steps
  bool met = false;
  double best = 1;  // the smallest gap seen, and the last one, of the gap at the start
  double last = 1;
};

// Compresses every layer of two dimensions as `options` say. Where the feedback keeps the momentum,
// the learning rate is divided by the factor by which momentum enlarges a steady gradient. Throws
// JobError where codec and feedback cannot be combined.
Outcome descend(const Problem& problem, const CompressionOptions& options, const Descent& descent);

// Options for small layers: 4 bits, and a density of 0.1, or of 0.5 for random indices.
CompressionOptions trial_options(const std::string& codec, const std::string& feedback = "default");

// Returns whether the codec moves all unknowns by the same length (signSGD without residual), which
// needs a learning rate of its own.
bool is_sign_vote(const CodecInfo& info);

// The two problems of all trials, each with its descent.
struct Trial {
  const char* name;
  std::unique_ptr<Problem> problem;
  Descent descent;
};
std::vector<Trial> trials();

}  // namespace terse
