#include "terse/data/batch.h"

#include <algorithm>
#include <set>

#include "data/files.h"

namespace terse {
namespace {

float normalized(int pixel) { return (static_cast<float>(pixel) / 255.0f - 0.25f) / 0.5f; }

TEST(BatchBuilder, NormalizesEachChannelByItsOwnFigures) {
  Dataset data = test::numbered(3, 1, {2, 1, 2});
  data.mean = {0.25f, 0.5f};
  data.std = {0.5f, 2.0f};
  Batch batch;
  const std::int64_t samples[] = {2, 0};
  BatchBuilder(data, data.train, true).fill(samples, {}, batch);
  EXPECT_EQ(batch.count, 2);
  EXPECT_EQ(batch.shape, (Shape{2, 1, 2}));
  EXPECT_EQ(batch.labels, (std::vector<std::int64_t>{2, 0}));
  ASSERT_EQ(batch.images.size(), 8u);
  const auto image = data.train.image(2);
  EXPECT_EQ(batch.images[1], normalized(image[1]));
  EXPECT_EQ(batch.images[2], (image[2] / 255.0f - 0.5f) / 2.0f);
  BatchBuilder(data, data.train, false).fill(samples, {}, batch);
  EXPECT_EQ(batch.images[3], image[3] / 255.0f);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.images.data()) % 64, 0u);
}

// The source pixel of the output at (y, x), or 0 (black) outside the image: as torchvision, which
// pads, then crops, then flips.
int reference(std::span<const std::uint8_t> plane, std::int64_t size, const Crop& crop,
              std::int64_t y, std::int64_t x) {
  const std::int64_t padded_size = size + 8;
  std::vector<int> padded(static_cast<std::size_t>(padded_size * padded_size), 0);
  for (std::int64_t row = 0; row < size; ++row) {
    for (std::int64_t column = 0; column < size; ++column) {
      padded[(row + 4) * padded_size + column + 4] = plane[row * size + column];
    }
  }
  const std::int64_t from = crop.flip ? size - 1 - x : x;
  return padded[(y + crop.top) * padded_size + from + crop.left];
}

TEST(BatchBuilder, CropsFlipsAndPadsWithBlack) {
  constexpr std::int64_t kSize = 6;
  const Dataset data = test::numbered(2, 1, {2, kSize, kSize});
  const BatchBuilder writer(data, data.train, true);
  const std::int64_t samples[] = {1};
  for (const Crop crop :
       {Crop{4, 4, false}, Crop{0, 8, false}, Crop{8, 0, true}, Crop{3, 7, true}}) {
    Batch batch;
    writer.fill(samples, std::span(&crop, 1), batch);
    std::size_t at = 0;
    for (std::int64_t channel = 0; channel < 2; ++channel) {
      const auto plane = data.train.image(1).subspan(channel * kSize * kSize, kSize * kSize);
      for (std::int64_t y = 0; y < kSize; ++y) {
        for (std::int64_t x = 0; x < kSize; ++x) {
          ASSERT_EQ(batch.images[at++], normalized(reference(plane, kSize, crop, y, x)));
        }
      }
    }
  }
}

TEST(DrawCrop, ReachesEveryCutAndDependsOnItsKey) {
  std::set<std::int64_t> tops, lefts;
  int flips = 0, kept = 0;
  for (std::int64_t sample = 0; sample < 1000; ++sample) {
    const Crop crop = draw_crop(1, 0, sample), later = draw_crop(1, 1, sample);
    tops.insert(crop.top);
    lefts.insert(crop.left);
    flips += crop.flip;
    kept += crop.top == later.top && crop.left == later.left && crop.flip == later.flip;
  }
  const std::set<std::int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(tops, all);
  EXPECT_EQ(lefts, all);
  EXPECT_NEAR(flips, 500, 5 * 16);    // sigma = 15.8
  EXPECT_NEAR(kept, 1000 / 162, 15);  // epochs draw independently
}

}  // namespace
}  // namespace terse
