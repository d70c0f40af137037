#include "terse/comm/exchange.h"

#include "terse/base/error.h"
#include "terse/comm/gathered.h"
#include "terse/comm/sharded.h"

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
  switch (pattern) {
    case Pattern::gathered:
      return std::make_shared<Gathered>(std::move(codec));
    case Pattern::sharded:
      break;
  }
  return std::make_shared<Sharded>(std::move(codec));
}

}  // namespace terse
