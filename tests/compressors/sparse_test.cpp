#include "terse/compressors/sparse.h"

#include "support.h"

namespace terse::test {
namespace {

constexpr std::uint32_t kN = 2 * kChunk + 10;
const std::vector<std::uint32_t> kIndices{0, 5, kChunk - 1, 2 * kChunk, 2 * kChunk + 9};

Payload write(std::uint32_t n, const std::vector<std::uint32_t>& indices) {
  const auto count = static_cast<std::uint32_t>(indices.size());
  Payload payload(SparseLayout(n, count).bytes, std::byte{0xee});
  SparseWriter writer(payload, n, count);
  for (const std::uint32_t index : indices) writer.add(index, 1.0f + static_cast<float>(index));
  writer.finish();
  return payload;
}

TEST(Sparse, PlacesItsPartsAsDocumented) {
  const Payload payload = write(kN, kIndices);
  ASSERT_EQ(payload.size(), 8u + 3 * 4 + 12 + 5 * 4);
  EXPECT_EQ(load<std::uint32_t>(payload.data()), 1u);
  EXPECT_EQ(load<std::uint32_t>(payload.data() + 4), 5u);
  const std::uint32_t counts[] = {3, 0, 2};
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(load<std::uint32_t>(payload.data() + 8 + 4 * i), counts[i]);
  const std::uint16_t offsets[] = {0, 5, 65535, 0, 9, 0};
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(load<std::uint16_t>(payload.data() + 20 + 2 * i), offsets[i]);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(load<float>(payload.data() + 32 + 4 * i), 1.0f + static_cast<float>(kIndices[i]));
  }
}

TEST(Sparse, ReadsWhatWasWritten) {
  const Payload payload = write(kN, kIndices);
  ASSERT_EQ(SparseReader::contradiction(payload, kN, 5), nullptr);
  const SparseReader reader(payload, kN);
  Floats acc(kN, 1.0f);
  for (std::uint32_t chunk = 0; chunk < 3; ++chunk)
    reader.add_chunk(chunk, 0.5f, acc.data() + chunk * kChunk);
  Floats wanted(kN, 1.0f);
  for (const std::uint32_t index : kIndices)
    wanted[index] += 0.5f * (1.0f + static_cast<float>(index));
  EXPECT_TRUE(same_bits(acc, wanted));
  EXPECT_EQ(SparseReader::contradiction(write(0, {}), 0, 0), nullptr);
  EXPECT_EQ(SparseReader::contradiction(write(1, {0}), 1, 1), nullptr);
}

TEST(Sparse, ContradictionsAreSaid) {
  const Payload good = write(kN, kIndices);
  const auto says = [&](std::size_t at, auto value, const std::string& why) {
    Payload payload = good;
    store(payload.data() + at, value);
    const char* what = SparseReader::contradiction(payload, kN, 5);
    ASSERT_NE(what, nullptr) << why;
    EXPECT_NE(std::string(what).find(why), std::string::npos) << what;
  };
  says(0, std::uint8_t{2}, "unknown way");
  says(2, std::uint8_t{1}, "unknown way");
  says(4, std::uint32_t{6}, "more entries than its density");
  says(4, std::uint32_t{4}, "length");
  says(8, std::uint32_t{4}, "out of order");  // the first chunk takes an offset of the third
  says(16, std::uint32_t{1}, "fewer");
  says(8, std::uint32_t{0xffffffff}, "more entries than it has");
  says(22, std::uint16_t{0}, "out of order");   // twice the same
  says(28, std::uint16_t{10}, "past the end");  // the last chunk has ten elements
  says(30, std::uint16_t{1}, "padding");
  EXPECT_NE(SparseReader::contradiction({}, kN, 5), nullptr);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_NE(SparseReader::contradiction(ConstBytes(good).first(length), kN, 5), nullptr)
        << length;
  }
  EXPECT_NE(SparseReader::contradiction(good, kN, 4), nullptr);
}

}  // namespace
}  // namespace terse::test
