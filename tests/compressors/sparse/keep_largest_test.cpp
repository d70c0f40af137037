#include "terse/compressors/sparse/magnitude/keep_largest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "terse/base/random.h"

namespace terse::test {
namespace {

struct List {
  std::vector<std::uint32_t> index;
  std::vector<float> value;
  bool operator==(const List&) const = default;
};

// By a stable sort: the largest magnitudes, the earlier position first among equals.
List sorted_largest(const List& list, std::uint32_t k) {
  std::vector<std::size_t> order(list.value.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return kernels::magnitude(list.value[a]) > kernels::magnitude(list.value[b]);
  });
  order.resize(k);
  std::sort(order.begin(), order.end());
  List kept;
  for (const std::size_t i : order) {
    kept.index.push_back(list.index[i]);
    kept.value.push_back(list.value[i]);
  }
  return kept;
}

List filtered(List list, std::uint32_t k) {
  std::vector<std::uint32_t> work(list.value.size());
  const std::uint32_t kept =
      keep_largest(LargestFilter(list.value, k, work), list.index, list.value);
  list.index.resize(kept);
  list.value.resize(kept);
  return list;
}

TEST(KeepLargest, IsAStableSortByMagnitudeForEveryKEvenWithManyTies) {
  for (const int levels : {1, 2, 5, 1000}) {
    List list;
    for (std::uint32_t i = 0; i < 200; ++i) {
      const std::uint64_t draw = mix64(i + 1000 * static_cast<std::uint64_t>(levels));
      const auto level = static_cast<float>(draw % static_cast<std::uint64_t>(levels));
      list.index.push_back(7 * i + 3);
      list.value.push_back((draw >> 60) % 2 == 0 ? level : -level);
    }
    for (std::uint32_t k = 1; k <= list.value.size(); ++k)
      ASSERT_EQ(filtered(list, k), sorted_largest(list, k)) << levels << " levels, k " << k;
  }
}

TEST(KeepLargest, SignsZerosAndInfinitiesCountByMagnitude) {
  const float inf = std::numeric_limits<float>::infinity();
  const List list{{0, 1, 2, 3, 4, 5}, {0.0f, -1.0f, 1.0f, -inf, -0.0f, 1.0f}};
  EXPECT_EQ(filtered(list, 1), (List{{3}, {-inf}}));
  EXPECT_EQ(filtered(list, 3), (List{{1, 2, 3}, {-1.0f, 1.0f, -inf}}));
  EXPECT_EQ(filtered(list, 5).index, (std::vector<std::uint32_t>{0, 1, 2, 3, 5}));
}

TEST(KeepLargest, TheLeastIsTheKthLargestMagnitude) {
  const std::vector<float> values{3, -5, 1, 5, -2};
  std::vector<std::uint32_t> work(values.size());
  const float expected[] = {5, 5, 3, 2, 1};
  for (std::uint32_t k = 1; k <= 5; ++k) {
    EXPECT_EQ(LargestFilter(values, k, work).least(), kernels::magnitude(expected[k - 1])) << k;
  }
}

}  // namespace
}  // namespace terse::test
