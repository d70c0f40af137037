#include "terse/comm/exchange.h"

#include "terse/comm/gathered.h"
#include "terse/comm/sharded.h"
#include "terse/comm/shared_scale.h"

namespace terse {

std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec) {
  if (codec->traits().shares_scale) return std::make_shared<SharedScale>(std::move(codec));
  switch (codec->traits().pattern) {
    case Pattern::gathered:
      return std::make_shared<Gathered>(std::move(codec));
    case Pattern::sharded:
      break;
  }
  return std::make_shared<Sharded>(std::move(codec));
}

}  // namespace terse
