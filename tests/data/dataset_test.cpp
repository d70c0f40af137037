#include "terse/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "data/files.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

TEST(LoadDataset, AnUnknownKindMakesTheJobWrong) {
  EXPECT_THROW(load_dataset("jpeg", "."), JobError);
  test::expect_sentence([] { load_dataset("jpeg", "."); }, {"jpeg", "idx", "cifar10", "hdf5"});
}

// Two CIFAR images per file: one all `low`, one all `high`, with a constant blue plane.
void write_two_valued(const fs::path& folder, std::uint8_t low, std::uint8_t high) {
  std::string bytes;
  for (const std::uint8_t value : {low, high}) {
    bytes += '\1' + std::string(2048, static_cast<char>(value)) + std::string(1024, '\x80');
  }
  for (const char* name : {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4",
                           "data_batch_5", "test_batch"}) {
    test::write_file(folder / (std::string(name) + ".bin"), bytes);
  }
}

TEST(LoadDataset, MeasuresEachChannel) {
  const TempFolder folder;
  write_two_valued(folder.path(), 51, 153);
  const Dataset data = load_dataset("cifar10", folder.path());
  ASSERT_EQ(data.mean.size(), 3u);
  ASSERT_EQ(data.std.size(), 3u);
  EXPECT_FLOAT_EQ(data.mean[0], 0.4f);
  EXPECT_FLOAT_EQ(data.std[0], 0.2f);
  EXPECT_FLOAT_EQ(data.mean[2], 128 / 255.0f);
  EXPECT_EQ(data.std[2], 1.0f);  // a channel without variation is only shifted
}

TEST(LoadDataset, TheFingerprintSeesEveryPixelAndLabelOfBothSplits) {
  const TempFolder folder;
  write_two_valued(folder.path(), 10, 20);
  std::vector<std::uint64_t> seen = {load_dataset("cifar10", folder.path()).fingerprint};
  EXPECT_EQ(load_dataset("cifar10", folder.path()).fingerprint, seen[0]);
  for (const char* name : {"data_batch_5.bin", "test_batch.bin"}) {
    for (const int at : {0, 3072, 2 * 3073 - 1}) {  // a label, an image's last pixel, the last byte
      write_two_valued(folder.path(), 10, 20);
      std::fstream file(folder.path() / name, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at).put(2);
      file.close();
      seen.push_back(load_dataset("cifar10", folder.path()).fingerprint);
    }
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST(LoadDataset, ALimitKeepsTheFirstTrainingImages) {
  const TempFolder folder;
  write_two_valued(folder.path(), 51, 153);
  const Dataset whole = load_dataset("cifar10", folder.path());
  const Dataset one = load_dataset("cifar10", folder.path(), 1);
  EXPECT_EQ(one.train.size(), 1);
  EXPECT_TRUE(std::ranges::equal(one.train.image(0), whole.train.image(0)));
  EXPECT_EQ(one.train.pixels.size(), 3072u);
  EXPECT_EQ(one.test.pixels, whole.test.pixels);
  EXPECT_FLOAT_EQ(one.mean.at(0), 0.2f);
  EXPECT_NE(one.fingerprint, whole.fingerprint);
  for (const std::int64_t limit : {whole.train.size(), whole.train.size() + 1})
    EXPECT_EQ(load_dataset("cifar10", folder.path(), limit).fingerprint, whole.fingerprint);
}

TEST(LoadDataset, TheCarriedExcerptOfMnist) {
  const Dataset data = load_dataset("hdf5", TERSE_SOURCE_DIR "/experiments/data/mnist-mini.h5");
  EXPECT_EQ(data.name, "mnist-mini");
  EXPECT_EQ(data.classes, 10);
  EXPECT_EQ(data.train.shape, (Shape{1, 28, 28}));
  EXPECT_EQ(data.train.size(), 10000);
  EXPECT_EQ(data.test.size(), 2000);
  for (std::int64_t digit = 0; digit < 10; ++digit) {
    EXPECT_EQ(std::ranges::count(data.train.labels, digit), 1000);
    EXPECT_EQ(std::ranges::count(data.test.labels, digit), 200);
  }
  EXPECT_NEAR(data.mean.at(0), 0.1307, 2e-3);
  EXPECT_NEAR(data.std.at(0), 0.3081, 2e-3);
}

}  // namespace
}  // namespace terse
