#include "data/files.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
using test::expect_sentence;
using test::write_file;

std::string records(const std::string& labels, char seed) {
  std::string bytes;
  for (const char label : labels) {
    bytes += label;
    for (int i = 0; i < 3072; ++i) bytes += static_cast<char>(seed + label + i / 1024);
  }
  return bytes;
}

class Cifar10 : public testing::Test {
 protected:
  Cifar10() {
    for (char batch = 1; batch <= 5; ++batch) {
      write("data_batch_" + std::to_string(batch) + ".bin",
            records({batch, static_cast<char>(batch + 1)}, static_cast<char>(20 * batch)));
    }
    write("test_batch.bin", records({9}, 50));
  }
  void write(const std::string& name, const std::string& bytes) {
    write_file(path() / name, bytes);
  }
  const fs::path& path() const { return folder_.path(); }
  Dataset load() const { return load_dataset("cifar10", path()); }
  void expect_refused(const std::vector<std::string>& words) {
    expect_sentence([&] { load(); }, words);
  }

 private:
  TempFolder folder_;
};

TEST_F(Cifar10, ReadsBatchesInOrder) {
  const Dataset data = load();
  EXPECT_EQ(data.classes, 10);
  EXPECT_EQ(data.train.shape, (Shape{3, 32, 32}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int64_t>{1, 2, 2, 3, 3, 4, 4, 5, 5, 6}));
  EXPECT_EQ(data.test.labels, std::vector<std::int64_t>{9});
  const auto image = data.train.image(9);  // the last of batch 5
  ASSERT_EQ(image.size(), 3072u);
  EXPECT_EQ(image[0], 106);
  EXPECT_EQ(image[1024], 107);
  EXPECT_EQ(image[3071], 108);
}

TEST_F(Cifar10, ReadsTheArchivesSubFolder) {
  const TempFolder parent;
  fs::copy(path(), parent.path() / "cifar-10-batches-bin");
  EXPECT_EQ(load_dataset("cifar10", parent.path()).fingerprint, load().fingerprint);
}

TEST_F(Cifar10, MissingFilesAreNamedAndMakeTheJobWrong) {
  fs::remove(path() / "data_batch_4.bin");
  EXPECT_THROW(load(), JobError);
  expect_refused({path(), "data_batch_4.bin"});
}

TEST_F(Cifar10, SizesThatAreNotWholeRecordsAreRefused) {
  const std::string intact = records({1, 2}, 3);
  for (const std::size_t length : {0ul, 1ul, 3072ul, 3074ul, intact.size() - 1}) {
    write("data_batch_3.bin", intact.substr(0, length));
    expect_refused({"data_batch_3.bin", std::to_string(length) + " bytes", "3073"});
  }
}

TEST_F(Cifar10, ATrainingFileWithFewerRecordsIsRefused) {
  write("data_batch_3.bin", records({1}, 3));
  expect_refused({"data_batch_3.bin", "1 records", "holds 2"});
}

TEST_F(Cifar10, LabelsOutOfRangeAreRefused) {
  write("data_batch_2.bin", records({1, 10}, 3));
  expect_refused({"data_batch_2.bin", "image 1", "label 10", "0 to 9"});
}

}  // namespace
}  // namespace terse
