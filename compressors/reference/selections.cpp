// The selections of the sparse codecs.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "terse/base/error.h"
#include "terse/compressors/reference/bits.h"
#include "terse/compressors/reference/reference_codecs.h"

namespace terse::reference {
namespace {

// n * density, where the density stands for the decimal fraction that was written.
std::size_t share_below(double n, float density) {
  return static_cast<std::size_t>(std::floor(n * density * (1 + 1e-7)));
}
std::size_t share_above(double n, float density) {
  return static_cast<std::size_t>(std::ceil(n * density * (1 - 1e-7)));
}
std::size_t k_of(std::size_t n, float density) {
  if (n == 0) return 0;
  return std::clamp<std::size_t>(share_below(static_cast<double>(n), density), 1, n);
}

// The k largest of the elements `among`, the lower index first among equals.
Indices largest(std::span<const float> v, Indices among, std::size_t k) {
  if (among.size() <= k) return among;
  std::ranges::stable_sort(
      among, [&](std::uint32_t a, std::uint32_t b) { return std::abs(v[a]) > std::abs(v[b]); });
  among.resize(k);
  std::ranges::sort(among);
  return among;
}

Indices all_of(std::size_t n) {
  Indices indices(n);
  std::iota(indices.begin(), indices.end(), 0u);
  return indices;
}

Indices reaching(std::span<const float> v, float threshold) {
  Indices indices = all_of(v.size());
  std::erase_if(indices, [&](std::uint32_t i) { return !(std::abs(v[i]) >= threshold); });
  return indices;
}

// Evenly spaced samples from a random start on (dgc.h).
struct Sampling {
  std::size_t stride = 1, count = 0;
};
Sampling sampling_of(std::size_t n, float density, double ratio) {
  const auto elements = static_cast<double>(n);
  const double by_density = std::ceil(2.0 / density * (1 - 1e-7));
  if (elements <= by_density) return {1, n};
  const auto least = static_cast<std::size_t>(std::max(std::ceil(elements * ratio), by_density));
  std::size_t stride = (n + 32 * least - 1) / (32 * least) * 32 + 1;
  while (n / stride < least) stride -= 8;
  return {stride, n / stride};
}

// The magnitudes of groups of neighbors, whose distance is that of single samples times the group's
// size, in descending order.
Floats samples_of(const FoldedRow& row, const Sampling& sampling, std::size_t group_size) {
  const std::size_t n = row.v.size(), apart = sampling.stride * group_size,
                    groups = (n + sampling.stride - 1) / sampling.stride / group_size;
  const std::uint64_t draw = philox(row.key.stream(), 0, row.layer)[0];
  std::size_t at = static_cast<std::size_t>(draw * (apart - group_size + 1) >> 32);
  Floats samples;
  for (std::size_t group = 0; group < groups && at + group_size <= n; ++group, at += apart) {
    for (std::size_t i = 0; i < group_size; ++i) samples.push_back(std::abs(row.v[at + i]));
  }
  std::ranges::sort(samples, std::greater<>());
  return samples;
}

Indices topk(const CodecOptions&, const FoldedRow& row) {
  return largest(row.v, all_of(row.v.size()), k_of(row.v.size(), row.level));
}

Indices topk_sampled(const CodecOptions& options, const FoldedRow& row) {
  const std::size_t n = row.v.size();
  const Sampling sampling = sampling_of(n, row.level, options.sample_ratio);
  if (sampling.stride == 1) return topk(options, row);
  const Floats samples = samples_of(row, sampling, sampling.count < 64 ? 1 : 4);
  const std::size_t share =
      std::max<std::size_t>(1, share_above(static_cast<double>(samples.size()), row.level));
  return largest(row.v, reaching(row.v, samples.at(share - 1)), k_of(n, row.level));
}

Indices topk_chunk(const CodecOptions&, const FoldedRow& row) {
  Indices indices;
  for (std::size_t at = 0; at < row.v.size(); at += 4096) {
    const auto part = row.v.subspan(at, std::min<std::size_t>(4096, row.v.size() - at));
    for (const std::uint32_t i : largest(part, all_of(part.size()), k_of(part.size(), row.level)))
      indices.push_back(static_cast<std::uint32_t>(at) + i);
  }
  return indices;
}

Indices threshold(const CodecOptions& options, const FoldedRow& row) {
  Indices indices = reaching(row.v, static_cast<float>(options.threshold));
  std::erase_if(indices, [&](std::uint32_t i) {
    return std::abs(row.v[i]) == static_cast<float>(options.threshold);
  });
  return largest(row.v, indices, k_of(row.v.size(), row.level));
}

// The selection in the code of DGC's authors.
Indices dgc(const CodecOptions& options, const FoldedRow& row) {
  const std::size_t n = row.v.size();
  if (n == 0) return {};
  const auto wanted = std::clamp<std::size_t>(share_above(static_cast<double>(n), row.level), 1, n);
  const Sampling sampling = sampling_of(n, row.level, options.sample_ratio);
  if (sampling.stride == 1) return largest(row.v, all_of(n), wanted);
  const Floats samples = samples_of(row, sampling, 1);
  const std::size_t share =
      std::max<std::size_t>(1, share_above(static_cast<double>(sampling.count), row.level));
  float bound = samples.at(share - 1);
  Indices found = reaching(row.v, bound);
  const auto too_many = [&] {
    return static_cast<double>(found.size()) > 1.3 * static_cast<double>(wanted);
  };
  const auto too_few = [&] {
    return static_cast<double>(found.size()) < 0.8 * static_cast<double>(wanted);
  };
  for (int round = 0; round < 10 && !too_many() && too_few(); ++round) {
    bound *= 0.8f;
    found = reaching(row.v, bound);
    if (round == 9) {
      found.resize(std::min(found.size(), wanted));
      return found;
    }
  }
  if (too_many()) return largest(row.v, found, wanted);
  found.resize(std::min(found.size(), wanted));
  return found;
}

FoldedRow shared(FoldedRow row) {
  row.key.rank = kShared;
  return row;
}

// The images of [0, k) under a bijection of [0, n): a Feistel network of six rounds over the next
// power of four, applied until the result is below n.
Indices randomk(const CodecOptions&, const FoldedRow& own) {
  const FoldedRow row = shared(own);
  const auto n = static_cast<std::uint32_t>(row.v.size());
  const auto half = std::max(1u, (static_cast<unsigned>(std::bit_width(n - 1)) + 1) / 2);
  const std::uint32_t mask = (1u << half) - 1;
  const auto once = [&](std::uint32_t i) {
    std::uint32_t left = i >> half, right = i & mask;
    for (std::uint32_t round = 0; round < 6; ++round) {
      const std::uint32_t key = philox(row.key.stream(), round / 4, row.layer)[round % 4];
      std::uint32_t x = (right ^ key) * 0x85ebca6bu;
      x = (x ^ x >> 13) * 0xc2b2ae35u;
      x ^= x >> 16;
      left ^= x & mask;
      std::swap(left, right);
    }
    return left << half | right;
  };
  Indices indices;
  for (std::uint32_t i = 0; i < k_of(n, row.level); ++i) {
    std::uint32_t at = once(i);
    while (at >= n) at = once(at);
    indices.push_back(at);
  }
  std::ranges::sort(indices);
  return indices;
}

Indices randblock(const CodecOptions&, const FoldedRow& own) {
  const FoldedRow row = shared(own);
  const std::uint64_t n = row.v.size(), draw = philox(row.key.stream(), 0, row.layer)[0];
  Indices indices;
  for (std::uint64_t i = 0; i < k_of(n, row.level); ++i)
    indices.push_back(static_cast<std::uint32_t>(((draw * n >> 32) + i) % n));
  std::ranges::sort(indices);
  return indices;
}

struct Selector {
  std::string_view name;
  Indices (*select)(const CodecOptions&, const FoldedRow&);
};
constexpr Selector kSelectors[] = {{"topk", topk},
                                   {"gtopk", topk},
                                   {"oktopk", topk},
                                   {"scalecom", topk},
                                   {"topk_sampled", topk_sampled},
                                   {"topk_chunk", topk_chunk},
                                   {"threshold", threshold},
                                   {"dgc", dgc},
                                   {"randomk", randomk},
                                   {"randblock", randblock}};

}  // namespace

Indices selected_indices(const CodecOptions& options, const FoldedRow& row) {
  for (const Selector& selector : kSelectors) {
    if (selector.name == options.name) return selector.select(options, row);
  }
  fail("codec {} has no reference for its selection.", options.name);
}

}  // namespace terse::reference
