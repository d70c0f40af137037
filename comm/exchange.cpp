#include "terse/comm/exchange.h"

#include "terse/comm/gathered.h"
#include "terse/comm/low_rank_exchange.h"
#include "terse/comm/sharded.h"

namespace terse {

std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec) {
  switch (codec->traits().pattern) {
    case Pattern::gathered:
      return std::make_shared<Gathered>(std::move(codec));
    case Pattern::low_rank:
      return std::make_shared<LowRank>(std::move(codec), false);
    case Pattern::low_rank_halves:
      return std::make_shared<LowRank>(std::move(codec), true);
    case Pattern::sharded:
      break;
  }
  return std::make_shared<Sharded>(std::move(codec));
}

}  // namespace terse
