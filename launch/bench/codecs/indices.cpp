#include "terse/launch/bench/codecs/indices.h"

#include <algorithm>
#include <chrono>

#include "terse/base/error.h"
#include "terse/base/random.h"
#include "terse/compressors/wire/indices.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kElements = 1u << 24;

IndexRate rate_of(double density, int repeat) {
  const RandomStream stream(1, "indices");
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < kElements; ++i) {
    if (stream.uniform(i) < static_cast<float>(density)) indices.push_back(i);
  }
  const auto count = static_cast<std::uint32_t>(indices.size());
  const IndexCode code = code_of(Coding::rice, kElements, indices);
  std::vector<std::byte> payload(code.bytes);
  write_indices(payload.data(), kElements, indices, code);
  std::vector<std::uint32_t> got(count);
  double best = 1e9;
  for (int i = 0; i < repeat; ++i) {
    const Clock::time_point begin = Clock::now();
    IndexReader(payload, kElements).read(got.data());
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  if (got != indices) fail("the indices that were read are not those that were written.");
  return {density, 8.0 * static_cast<double>(code.bytes) / count, count / best};
}

}  // namespace

std::vector<IndexRate> rice_rates(int repeat) {
  return {rate_of(0.01, repeat), rate_of(0.001, repeat)};
}

}  // namespace terse
