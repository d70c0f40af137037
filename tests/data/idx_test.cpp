#include <zlib.h>

#include "data/files.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
using test::expect_sentence;
using test::write_file;

std::string number(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

std::string images(std::uint32_t count, std::uint32_t height, std::uint32_t width) {
  std::string bytes = number(0x803) + number(count) + number(height) + number(width);
  for (std::uint32_t i = 0; i < count * height * width; ++i) bytes += static_cast<char>(i * 5 + 1);
  return bytes;
}

std::string labels(const std::string& values) {
  return number(0x801) + number(static_cast<std::uint32_t>(values.size())) + values;
}

std::string gzip(const std::string& bytes) {
  const TempFolder folder;
  const std::string path = folder.path() / "packed.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream packed(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(packed), std::istreambuf_iterator<char>()};
}

// A correct folder, which each test then damages.
class Idx : public testing::Test {
 protected:
  Idx() {
    write("train-images-idx3-ubyte", images(4, 3, 2));
    write("train-labels-idx1-ubyte", labels({0, 1, 2, 1}));
    write("t10k-images-idx3-ubyte", images(2, 3, 2));
    write("t10k-labels-idx1-ubyte", labels({2, 0}));
  }
  void write(const std::string& name, const std::string& bytes) {
    write_file(path() / name, bytes);
  }
  const fs::path& path() const { return folder_.path(); }
  Dataset load() const { return load_dataset("idx", path()); }
  void expect_refused(const std::vector<std::string>& words) {
    expect_sentence([&] { load(); }, words);
  }

 private:
  TempFolder folder_;
};

TEST_F(Idx, ReadsWhatIsThere) {
  const Dataset data = load();
  EXPECT_EQ(data.classes, 3);
  EXPECT_EQ(data.train.shape, (Shape{1, 3, 2}));
  EXPECT_EQ(data.test.shape, (Shape{1, 3, 2}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int64_t>{0, 1, 2, 1}));
  EXPECT_EQ(data.test.labels, (std::vector<std::int64_t>{2, 0}));
  ASSERT_EQ(data.train.pixels.size(), 24u);
  EXPECT_EQ(data.train.pixels[23], 23 * 5 + 1);
  EXPECT_EQ(data.train.image(1)[0], 6 * 5 + 1);
}

TEST_F(Idx, GzippedAndDottedNamesAreTheSame) {
  const std::uint64_t plain = load().fingerprint;
  fs::remove(path() / "train-images-idx3-ubyte");
  write("train-images-idx3-ubyte.gz", gzip(images(4, 3, 2)));
  fs::rename(path() / "t10k-labels-idx1-ubyte", path() / "t10k-labels.idx1-ubyte");
  EXPECT_EQ(load().fingerprint, plain);
}

TEST_F(Idx, MissingThingsAreNamedAndMakeTheJobWrong) {
  EXPECT_THROW(load_dataset("idx", path() / "nowhere"), JobError);
  expect_sentence([&] { load_dataset("idx", path() / "nowhere"); }, {"nowhere", "not a folder"});
  fs::remove(path() / "t10k-images-idx3-ubyte");
  EXPECT_THROW(load(), JobError);
  expect_refused({path(), "t10k-images-idx3-ubyte"});
  fs::create_directory(path() / "t10k-images-idx3-ubyte");
  expect_refused({"t10k-images-idx3-ubyte", "is not a file"});
}

TEST_F(Idx, EveryTruncationIsRefused) {
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}) {
    const fs::path file = path() / name;
    const std::uintmax_t whole = fs::file_size(file);
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream),
                            std::istreambuf_iterator<char>()};
    for (std::size_t length = 0; length < whole; ++length) {
      write(name, bytes.substr(0, length));
      expect_refused({name, "truncated"});
    }
    write(name, bytes + "x");
    expect_refused({name, "has more than"});
    write(name, bytes);
  }
}

TEST_F(Idx, EveryTruncationOfAGzipIsRefused) {
  const std::string packed = gzip(images(4, 3, 2));
  fs::remove(path() / "train-images-idx3-ubyte");
  for (std::size_t length = 0; length < packed.size(); ++length) {
    write("train-images-idx3-ubyte.gz", packed.substr(0, length));
    const std::string what = length < 2 ? "truncated" : "truncated gzip";  // two bytes tell a gzip
    expect_refused({"train-images-idx3-ubyte.gz", what});
  }
  write("train-images-idx3-ubyte.gz", packed);
  EXPECT_NO_THROW(load());
}

TEST_F(Idx, NoFlippedBitOfAGzipChangesTheData) {
  const std::uint64_t intact = load().fingerprint;
  fs::remove(path() / "train-images-idx3-ubyte");
  const std::string packed = gzip(images(4, 3, 2));
  int refused = 0;
  for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    write("train-images-idx3-ubyte.gz", damaged);
    try {
      EXPECT_EQ(load().fingerprint, intact) << "bit " << bit;  // as in the header's time stamp
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, static_cast<int>(4 * packed.size()));
}

TEST_F(Idx, AWrongChecksumOfAGzipIsNamed) {
  fs::remove(path() / "train-images-idx3-ubyte");
  std::string packed = gzip(images(4, 3, 2));
  packed[packed.size() - 8] = static_cast<char>(packed[packed.size() - 8] ^ 1);
  write("train-images-idx3-ubyte.gz", packed);
  expect_refused({"train-images-idx3-ubyte.gz", "damaged gzip"});
}

TEST_F(Idx, WrongMagicIsNamed) {
  write("train-images-idx3-ubyte", labels({0, 1, 2, 1}));
  expect_refused({"train-images-idx3-ubyte", "0x00000801", "0x00000803"});
}

TEST_F(Idx, AbsurdSizesAreRefusedWithoutTheMemory) {
  const std::uint32_t huge = 0xffffffff;
  write("train-images-idx3-ubyte", number(0x803) + number(huge) + number(huge) + number(huge));
  expect_refused({"train-images-idx3-ubyte", "4294967295"});
  write("train-images-idx3-ubyte",
        number(0x803) + number(huge) + number(1 << 14) + number(1 << 14));
  expect_refused({"train-images-idx3-ubyte", "truncated"});
  write("train-images-idx3-ubyte", number(0x803) + number(0) + number(28) + number(28));
  expect_refused({"train-images-idx3-ubyte", "0 images"});
}

TEST_F(Idx, CountsThatDisagreeAreNamed) {
  write("train-labels-idx1-ubyte", labels({0, 1, 2}));
  expect_refused({"train-labels-idx1-ubyte", "3 labels", "4 images"});
}

TEST_F(Idx, TestLabelsMustBeClassesOfTheTrainingSet) {
  write("t10k-labels-idx1-ubyte", labels({2, 7}));
  expect_refused({"t10k-labels-idx1-ubyte", "image 1", "label 7", "0 to 2"});
}

TEST_F(Idx, BothSplitsMustHaveOneShape) {
  write("t10k-images-idx3-ubyte", images(2, 2, 3));
  expect_refused({path(), "1x3x2", "1x2x3"});
}

TEST(Mnist, OriginalFiles) {
  const fs::path folder = TERSE_SOURCE_DIR "/../shared/data/mnist";
  if (!fs::exists(folder)) GTEST_SKIP() << "MNIST is not in " << folder;
  const Dataset data = load_dataset("idx", folder);
  EXPECT_EQ(data.train.size(), 60000);
  EXPECT_EQ(data.test.size(), 10000);
  EXPECT_EQ(data.classes, 10);
  EXPECT_EQ(data.train.shape, (Shape{1, 28, 28}));
  EXPECT_EQ(std::vector(data.train.labels.begin(), data.train.labels.begin() + 5),
            (std::vector<std::int64_t>{5, 0, 4, 1, 9}));
  EXPECT_NEAR(data.mean.at(0), 0.1307, 5e-5);
  EXPECT_NEAR(data.std.at(0), 0.3081, 5e-5);
}

}  // namespace
}  // namespace terse
