#include "terse/comm/exchange.h"

#include "terse/base/error.h"
#include "terse/comm/gathered.h"
#include "terse/comm/low_rank_exchange.h"
#include "terse/comm/sharded.h"
#include "terse/comm/shared_scale.h"
#include "terse/comm/shared_support.h"
#include "terse/comm/split.h"
#include "terse/comm/tree.h"

namespace terse {

std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec,
                                              const Feedback& feedback) {
  const Pattern pattern = codec->traits().pattern;
  // Estimates are of what each rank sent, so all ranks must see all messages.
  if (feedback.integrate && pattern == Pattern::sharded)
    return std::make_shared<Gathered>(std::move(codec));
  if (feedback.integrate && pattern != Pattern::gathered) {
    fail<JobError>(
        "codec {} has an exchange of its own, and ef21 needs every rank's own message; choose "
        "another codec or another feedback.",
        codec->name());
  }
  if (codec->traits().shares_scale) return std::make_shared<SharedScale>(std::move(codec));
  switch (pattern) {
    case Pattern::gathered:
      return std::make_shared<Gathered>(std::move(codec));
    case Pattern::low_rank:
      return std::make_shared<LowRank>(std::move(codec), false);
    case Pattern::low_rank_halves:
      return std::make_shared<LowRank>(std::move(codec), true);
    case Pattern::tree:
      return std::make_shared<Tree>(codec);
    case Pattern::split:
      return std::make_shared<Split>(codec);
    case Pattern::shared_support:
      return std::make_shared<SharedSupport>(codec, Chooser::everybody);
    case Pattern::led_support:
      return std::make_shared<SharedSupport>(codec, Chooser::leader);
    case Pattern::sharded:
      break;
  }
  return std::make_shared<Sharded>(std::move(codec));
}

}  // namespace terse
