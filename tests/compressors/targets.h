// Runs a body on every instruction set that this program was compiled for and this machine has.
#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <utility>

namespace terse::test {

class Target {
 public:
  explicit Target(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~Target() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
};

// Highway lists the best one first and the baseline last.
inline std::vector<std::int64_t> targets() { return hwy::SupportedAndGeneratedTargets(); }

template <class Body>
void on_every_target(Body&& body) {
  for (const std::int64_t target : targets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    const Target chosen(target);
    body();
  }
}

}  // namespace terse::test
