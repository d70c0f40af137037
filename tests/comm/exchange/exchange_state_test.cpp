// The states of exchanges by themselves: sizes are the same without memory as with it.
#include <gtest/gtest.h>

#include "comm/reducer/reducer_bodies.h"
#include "terse/base/error.h"
#include "terse/comm/exchange/exchange.h"

namespace terse::test {
namespace {

template <class Visit>
void for_each_group(const CompressionOptions& words, int world, Visit&& visit) {
  const Model model = make_layers();
  const Plan plan = make_plan(model.layers, words, 0, world);
  for (const GroupSpec& spec : make_groups(model.layers, plan)) {
    const Scheme& scheme = plan.schemes[spec.scheme];
    const auto exchange = make_exchange(scheme.codec, scheme.feedback);
    for (int rank = 0; rank < world; ++rank)
      visit(*exchange, GroupContext{model.layers, plan, spec, rank, world, nullptr, nullptr});
  }
}

TEST(ExchangeState, SizesNeedNoCompressorState) {
  for (const std::string& codec : all_codecs()) {
    for (const int world : {1, 2, 5}) {
      for_each_group(words_for(codec), world, [&](const Exchange& exchange, GroupContext context) {
        const auto sizes = exchange.build(context);
        CompressorState memory(true);
        context.state = &memory;
        const auto state = exchange.build(context);
        EXPECT_EQ(sizes->sent_bytes(), state->sent_bytes()) << codec;
        EXPECT_EQ(sizes->workspace_bytes(), state->workspace_bytes()) << codec;
        if (world == 1) {
          EXPECT_EQ(state->sent_bytes(), 0u) << codec;
        } else {
          EXPECT_GT(state->sent_bytes(), 0u) << codec;
        }
      });
    }
  }
}

TEST(ExchangeState, FramesFitIntoTheWorkspaceThatItAsksFor) {
  for (const std::string& codec : all_codecs()) {
    for_each_group(words_for(codec), 3, [&](const Exchange& exchange, GroupContext context) {
      CompressorState memory(false);
      context.state = &memory;
      const auto state = exchange.build(context);
      const FloatBuffer workspace(state->workspace_bytes() / sizeof(float));
      const Bytes bytes = std::as_writable_bytes(workspace.values());
      EXPECT_NO_THROW(state->bind_workspace(bytes)) << codec;
      EXPECT_ANY_THROW(state->bind_workspace(bytes.first(bytes.size() - 64))) << codec;
    });
  }
}

}  // namespace
}  // namespace terse::test
