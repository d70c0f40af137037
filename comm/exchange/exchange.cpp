#include "terse/comm/exchange/exchange.h"

#include "terse/base/error.h"
#include "terse/comm/exchange/all_gather_exchange.h"
#include "terse/comm/exchange/low_rank_exchange.h"
#include "terse/comm/exchange/reduce_scatter_exchange.h"
#include "terse/comm/exchange/shared_scale_exchange.h"
#include "terse/comm/exchange/sparse/gtopk_exchange.h"
#include "terse/comm/exchange/sparse/oktopk_exchange.h"
#include "terse/comm/exchange/sparse/shared_indices_exchange.h"

namespace terse {

std::shared_ptr<const Exchange> make_exchange(std::shared_ptr<const Codec> codec,
                                              const Feedback& feedback) {
  const Pattern pattern = codec->traits().pattern;
  // Estimates are of what each rank sent, so all ranks must see all messages.
  if (feedback.integrate && pattern == Pattern::reduce_scatter)
    return std::make_shared<AllGatherExchange>(std::move(codec));
  if (feedback.integrate && pattern != Pattern::all_gather) {
    fail<JobError>(
        "codec {} is summed on the way, and ef21 needs every rank's own message; choose "
        "another codec or another feedback.",
        codec->name());
  }
  if (codec->traits().shares_scale) return std::make_shared<SharedScaleExchange>(std::move(codec));
  switch (pattern) {
    case Pattern::all_gather:
      return std::make_shared<AllGatherExchange>(std::move(codec));
    case Pattern::low_rank:
      return std::make_shared<LowRankExchange>(false);
    case Pattern::low_rank_alternating:
      return std::make_shared<LowRankExchange>(true);
    case Pattern::gtopk:
      return std::make_shared<GTopKExchange>(codec);
    case Pattern::oktopk:
      return std::make_shared<OkTopkExchange>(codec);
    case Pattern::shared_indices:
      return std::make_shared<SharedIndicesExchange>(codec, IndexSource::shared_seed);
    case Pattern::leader_indices:
      return std::make_shared<SharedIndicesExchange>(codec, IndexSource::leader);
    case Pattern::reduce_scatter:
      break;
  }
  return std::make_shared<ReduceScatterExchange>(std::move(codec));
}

}  // namespace terse
