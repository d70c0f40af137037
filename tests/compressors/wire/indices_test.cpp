#include "terse/compressors/wire/indices.h"

#include <map>

#include "compressors/support.h"
#include "terse/compressors/kernels/cpu/quantize/bits.h"

namespace terse::test {
namespace {

using reference::Indices;

Indices random_indices(std::uint32_t n, double density, std::uint64_t seed) {
  const RandomStream stream(seed, "indices");
  Indices indices;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (stream.uniform(i) < static_cast<float>(density)) indices.push_back(i);
  }
  return indices;
}

Indices runs(std::uint32_t n, std::uint32_t length, std::uint32_t apart) {
  Indices indices;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i % apart < length) indices.push_back(i);
  }
  return indices;
}

std::vector<std::pair<std::uint32_t, Indices>> cases() {
  std::vector<std::pair<std::uint32_t, Indices>> all{
      {0, {}},
      {1, {}},
      {1, {0}},
      {7, {6}},
      {2 * kChunk + 10, {0, 5, kChunk - 1, 2 * kChunk}},
      {kChunk, {kChunk - 1}},
      {kChunk + 1, {kChunk}},
      {0xffffffff, {0, 0x80000000, 0xfffffffe}}};
  for (const std::uint32_t n : {100u, 4099u, kChunk, kChunk + 1, 300'007u}) {
    for (const double density : {0.0005, 0.001, 0.01, 0.1, 0.4, 0.97, 1.0})
      all.emplace_back(n, random_indices(n, density, n));
    all.emplace_back(n, runs(n, 300, 5000));
    all.emplace_back(n, runs(n, 1, 97));
  }
  for (const std::uint32_t k : {127u, 128u, 129u, 255u, 256u, 257u})
    all.emplace_back(k, runs(k, 1, 1));
  return all;
}

Payload written(std::uint32_t n, const Indices& indices, const IndexCode& code) {
  Payload payload(code.bytes, std::byte{0xee});
  write_indices(payload.data(), n, indices, code);
  return payload;
}

TEST(Indices, AreWrittenAsDocumentedAndReadBack) {
  for (const auto& [n, indices] : cases()) {
    const auto k = static_cast<std::uint32_t>(indices.size());
    for (const Coding coding : kCodings) {
      // Most of so many chunks would be empty.
      if (n > 1'000'000 && (coding == Coding::bitmap || coding == Coding::offsets)) continue;
      SCOPED_TRACE(testing::Message() << k << " of " << n << " " << static_cast<int>(coding));
      const IndexCode code = code_of(coding, n, indices);
      const Payload payload = written(n, indices, code);
      ASSERT_EQ(payload, reference::indices_of(coding, n, indices));
      ASSERT_EQ(IndexReader::find_error(payload, n, k), std::nullopt);
      const IndexReader reader(payload, n);
      ASSERT_EQ(reader.count(), k);
      EXPECT_EQ(reader.bytes(), payload.size());
      Indices got(k), offsets(std::min(k, kChunk)), by_chunk;
      reader.read(got.data());
      EXPECT_EQ(got, indices);
      for (std::uint32_t chunk = 0; std::uint64_t{chunk} * kChunk < n; ++chunk) {
        const IndexReader::Run run = reader.read_chunk(chunk, offsets.data());
        if (run.count != 0) {
          ASSERT_EQ(run.begin, by_chunk.size());
        }
        for (std::uint32_t i = 0; i < run.count; ++i)
          by_chunk.push_back(chunk * kChunk + offsets[i]);
      }
      EXPECT_EQ(by_chunk, indices);
    }
  }
}

TEST(Indices, TheSmallestCodingIsTakenAndFitsItsCapacity) {
  std::map<Coding, int> taken;
  for (const auto& [n, indices] : cases()) {
    const IndexCode code = smallest_code(n, indices);
    ++taken[code.coding];
    for (const Coding coding : kCodings) EXPECT_LE(code.bytes, code_of(coding, n, indices).bytes);
    const auto k = static_cast<std::uint32_t>(indices.size());
    EXPECT_LE(code.bytes, index_capacity(n, k)) << k << " of " << n;
    EXPECT_LE(code.bytes, index_capacity(n, std::min(n, 2 * k + 1))) << k << " of " << n;
  }
  EXPECT_GT(taken[Coding::bitmap], 0);
  EXPECT_GT(taken[Coding::packed], 0);
  EXPECT_GT(taken[Coding::rice], 0);
}

// Worst cases of a Rice code: all gaps but one are short, or each is just above a power of two.
TEST(Indices, CapacityHoldsInTheWorstCase) {
  for (const std::uint32_t n : {1000u, 70'000u, 1'000'000u}) {
    for (std::uint32_t k = 1; k <= n; k = k * 3 + 1) {
      Indices front(k), back(k), even(k), edge;
      for (std::uint32_t i = 0; i < k; ++i) {
        front[i] = i + 1 == k ? n - 1 : i;
        back[i] = i == 0 ? 0 : n - k + i;
        even[i] = static_cast<std::uint32_t>(std::uint64_t{i} * n / k);
      }
      const std::uint32_t gap = (1u << code_of(Coding::rice, n, front).shift) + 1;
      for (std::uint32_t i = 0, at = 0; i < k && at < n; ++i, at += gap) edge.push_back(at);
      for (const Indices& indices : {front, back, even, edge}) {
        EXPECT_LE(smallest_code(n, indices).bytes, index_capacity(n, k)) << k << " of " << n;
      }
      EXPECT_LE(index_capacity(n, k), index_capacity(n, std::min(n, k + 1)));
    }
  }
}

TEST(Indices, BitsOfAnIndexAreNearTheirBound) {
  const std::uint32_t n = 4'000'000;
  for (const auto& [density, most] : {std::pair{0.001, 12.0}, {0.01, 8.7}, {0.1, 5.2}}) {
    const Indices indices = random_indices(n, density, 3);
    const IndexCode code = smallest_code(n, indices);
    const double bits = 8.0 * static_cast<double>(code.bytes) / static_cast<double>(indices.size());
    EXPECT_LT(bits, most);
    std::printf("density %g: %.3f bits an index\n", density, bits);
  }
  EXPECT_EQ(code_of(Coding::rice, 1'000'000, runs(1'000'000, 1, 1000)).shift, 9);
}

// Any bytes are refused or decode to increasing indices.
TEST(Indices, DamageIsRefusedOrHarmless) {
  const auto check = [](const Payload& payload, std::uint32_t n, std::uint32_t most) {
    if (IndexReader::find_error(payload, n, most)) return;
    const IndexReader reader(payload, n);
    ASSERT_LE(reader.count(), most);
    Indices indices(reader.count());
    reader.read(indices.data());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      ASSERT_LT(indices[i], n);
      if (i > 0) {
        ASSERT_LT(indices[i - 1], indices[i]);
      }
    }
  };
  for (const std::uint32_t n : {40u, 5000u, 70'000u}) {
    const Indices indices = random_indices(n, n == 40 ? 0.3 : 0.004, 5);
    const auto k = static_cast<std::uint32_t>(indices.size());
    for (const Coding coding : kCodings) {
      const Payload good = written(n, indices, code_of(coding, n, indices));
      for (std::size_t bit = 0; bit < 8 * std::min<std::size_t>(good.size(), 400); ++bit) {
        Payload bad = good;
        bad[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        check(bad, n, k);
      }
      for (std::size_t size = 0; size < std::min<std::size_t>(good.size(), 400); ++size) {
        EXPECT_NE(IndexReader::find_error(ConstBytes(good).first(size), n, k), std::nullopt);
      }
      EXPECT_NE(IndexReader::find_error(good, n, k - 1), std::nullopt);
      EXPECT_NE(IndexReader::find_error(good, indices.back(), k), std::nullopt);
    }
  }
}

// The unary part of a block must be complete, with nothing after it.
TEST(Rice, TheLastIndexOfABlockNeedsAllItsBits) {
  constexpr unsigned kShift = 3;
  const std::vector<std::uint32_t> gaps = {5, 0, 63, 17, 8, 700};
  std::vector<std::uint32_t> high;
  std::size_t bits = gaps.size();
  std::uint64_t last = 40;
  for (const std::uint32_t gap : gaps) {
    high.push_back(gap >> kShift);
    bits += gap >> kShift;
    last += 1 + gap;
  }
  const std::size_t low = kernels::bytes_for(gaps.size() * kShift),
                    end = low + kernels::bytes_for(bits);
  Payload block(end + 8);
  kernels::write_fields(gaps, kShift, block.data());
  std::fill(block.begin() + static_cast<std::ptrdiff_t>(low), block.end(), std::byte{0});
  kernels::write_unary(high, block.data() + low);
  const auto read = [&](std::size_t until, std::uint32_t first = 40) {
    return kernels::last_index_of_rice({.low = block.data(),
                                        .high = block.data() + low,
                                        .end = block.data() + until,
                                        .limit = block.data() + block.size(),
                                        .first = first,
                                        .shift = kShift,
                                        .count = static_cast<std::uint32_t>(gaps.size())});
  };
  EXPECT_EQ(read(end), last);
  EXPECT_EQ(read(end, 0xfffffffeu), last + 0xfffffffeu - 40);  // past what an index holds
  for (const std::size_t wrong : {low, end - 1, end + 1, end + 8})
    EXPECT_GT(read(wrong), 0xffffffffu) << wrong;
  block[end] = std::byte{1};
  EXPECT_GT(read(end + 1), 0xffffffffu);
}

}  // namespace
}  // namespace terse::test
