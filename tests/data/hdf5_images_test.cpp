#include <array>
#include <map>

#include "data/files.h"
#include "terse/base/hdf5/hdf5.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
using hdf5::Handle;
using test::expect_sentence;

using Sizes = std::vector<hsize_t>;

// A dataset to write: zeros of `type` except for the given values.
struct Content {
  hid_t type;
  Sizes sizes;
  std::vector<std::uint8_t>
      values;        // stored as H5T_NATIVE_UINT8 converted to `type`; none: never written
  Sizes chunk = {};  // none: contiguous
};
using Contents = std::map<std::string, Content>;

void write_dataset(hid_t file, const std::string& name, const Content& content) {
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make a list");
  hdf5::check_status(H5Pset_create_intermediate_group(links.get(), 1), "set a property");
  const Handle space(
      H5Screate_simple(static_cast<int>(content.sizes.size()), content.sizes.data(), nullptr),
      H5Sclose, "make a space");
  const Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make a list");
  if (!content.chunk.empty()) {
    hdf5::check_status(
        H5Pset_chunk(layout.get(), static_cast<int>(content.chunk.size()), content.chunk.data()),
        "chunk");
    hdf5::check_status(H5Pset_deflate(layout.get(), 9), "deflate");
  }
  const Handle dataset(H5Dcreate2(file, name.c_str(), content.type, space.get(), links.get(),
                                  layout.get(), H5P_DEFAULT),
                       H5Dclose, "make " + name);
  if (content.values.empty()) return;
  hdf5::check_status(H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                              content.values.data()),
                     "write");
}

std::vector<std::uint8_t> ramp(std::size_t size) {
  std::vector<std::uint8_t> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<std::uint8_t>(3 * i + 1);
  return values;
}

class Hdf5Images : public testing::Test {
 protected:
  Hdf5Images() : held_(hdf5::lock()) {}

  void write() const {
    const Handle file(H5Fcreate(path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                      "make a file");
    for (const auto& [name, content] : contents) write_dataset(file.get(), name, content);
  }
  fs::path path() const { return folder_.path() / "images.h5"; }
  Dataset load() const { return load_dataset("hdf5", path()); }
  void expect_refused(const std::vector<std::string>& words) const {
    write();
    expect_sentence([&] { load(); }, words);
  }

  // A correct file, which each test then damages.
  Contents contents = {{"train/images", {H5T_STD_U8LE, {4, 3, 2}, ramp(24), {2, 3, 2}}},
                       {"train/labels", {H5T_STD_U8LE, {4}, {0, 1, 2, 1}}},
                       {"test/images", {H5T_STD_U8LE, {2, 3, 2}, ramp(12)}},
                       {"test/labels", {H5T_STD_I64BE, {2}, {2, 0}}}};

 private:
  std::unique_lock<std::recursive_mutex> held_;
  TempFolder folder_;
};

TEST_F(Hdf5Images, ReadsGrayImagesAndAnyIntegerLabels) {
  write();
  const Dataset data = load();
  EXPECT_EQ(data.classes, 3);
  EXPECT_EQ(data.train.shape, (Shape{1, 3, 2}));
  EXPECT_EQ(data.train.pixels, ramp(24));
  EXPECT_EQ(data.train.labels, (std::vector<std::int64_t>{0, 1, 2, 1}));
  EXPECT_EQ(data.test.labels, (std::vector<std::int64_t>{2, 0}));
}

TEST_F(Hdf5Images, ReadsImagesWithChannels) {
  contents["train/images"] = {H5T_STD_U8LE, {4, 3, 1, 2}, ramp(24)};
  contents["test/images"] = {H5T_STD_U8LE, {2, 3, 1, 2}, ramp(12)};
  write();
  const Dataset data = load();
  EXPECT_EQ(data.train.shape, (Shape{3, 1, 2}));
  EXPECT_EQ(data.mean.size(), 3u);
}

TEST_F(Hdf5Images, MissingOrForeignFilesAreRefused) {
  EXPECT_THROW(load(), JobError);
  test::write_file(path(), "not HDF5 at all");
  expect_sentence([&] { load(); }, {path(), "not an HDF5 file"});
}

TEST_F(Hdf5Images, EveryTruncationIsRefused) {
  write();
  const auto whole = fs::file_size(path());
  for (std::uintmax_t length = 0; length < whole; length += 61) {
    write();
    fs::resize_file(path(), length);
    EXPECT_THROW(load(), Error) << length;
  }
}

TEST_F(Hdf5Images, MissingDatasetsAreNamed) {
  for (const std::string name : {"train/images", "train/labels", "test/images", "test/labels"}) {
    const Content removed = contents[name];
    contents.erase(name);
    expect_refused({path(), name, "missing"});
    contents[name] = removed;
  }
  contents.erase("test/images");
  contents.erase("test/labels");
  expect_refused({path(), "test/images", "missing"});
}

TEST_F(Hdf5Images, AGroupInADatasetsPlaceIsRefused) {
  contents["train/images/inner"] = contents["train/images"];
  contents.erase("train/images");
  expect_refused({path(), "train/images"});
}

TEST_F(Hdf5Images, WrongTypesAreNamed) {
  for (const hid_t type : {H5T_STD_I8LE, H5T_STD_U16LE, H5T_IEEE_F32LE}) {
    contents["test/images"].type = type;
    expect_refused({path(), "test/images", "type"});
  }
  contents["test/images"].type = H5T_STD_U8LE;
  contents["test/labels"].type = H5T_IEEE_F32LE;
  expect_refused({path(), "test/labels", "type"});
}

TEST_F(Hdf5Images, WrongDimensionsAreNamed) {
  const Content images = contents["train/images"];
  contents["train/images"] = {H5T_STD_U8LE, {4, 6}, ramp(24)};
  expect_refused({path(), "train/images", "2 dimensions"});
  contents["train/images"] = {H5T_STD_U8LE, {0, 3, 2}, {}};
  expect_refused({path(), "train/images", "0x3x2"});
  contents["train/images"] = images;
  contents["train/labels"] = {H5T_STD_U8LE, {3}, {0, 1, 2}};
  expect_refused({path(), "train/labels", "3", "expected 4"});
  contents["train/labels"] = {H5T_STD_U8LE, {4, 1}, {0, 1, 2, 1}};
  expect_refused({path(), "train/labels", "4x1"});
}

TEST_F(Hdf5Images, AbsurdSizesAreRefusedWithoutTheMemory) {
  contents["train/images"] = {H5T_STD_U8LE, {1ull << 40, 28, 28}, {}, {1000, 28, 28}};
  expect_refused({path(), "train/images", "1099511627776x28x28", "0 bytes"});
  contents["train/images"] = {H5T_STD_U8LE, {1ull << 40, 28, 28}, {}};  // not chunked
  expect_refused({path(), "train/images", "1099511627776x28x28", "0 bytes"});
  contents["train/images"] = {H5T_STD_U8LE, {1ull << 40, 1ull << 40, 28}, {}, {1000, 28, 28}};
  expect_refused({path(), "train/images", "28"});
}

TEST_F(Hdf5Images, AnUnfinishedDatasetIsRefused) {
  contents["train/images"].chunk = {1, 3, 2};
  write();
  {
    const Handle file(H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
    hdf5::check_status(H5Ldelete(file.get(), "train/images", H5P_DEFAULT), "delete");
    Content content = contents["train/images"];
    content.values.clear();
    write_dataset(file.get(), "train/images", content);
    const Handle images(H5Dopen2(file.get(), "train/images", H5P_DEFAULT), H5Dclose, "open");
    const Handle space(H5Dget_space(images.get()), H5Sclose, "get a space");
    const hsize_t begin[] = {0, 0, 0}, count[] = {3, 3, 2};
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, begin, nullptr, count, nullptr);
    const Handle memory(H5Screate_simple(3, count, nullptr), H5Sclose, "make a space");
    hdf5::check_status(H5Dwrite(images.get(), H5T_NATIVE_UINT8, memory.get(), space.get(),
                                H5P_DEFAULT, ramp(18).data()),
                       "write");
  }
  expect_sentence([&] { load(); }, {path(), "train/images", "3 of its 4x1x1 chunks"});
}

TEST_F(Hdf5Images, LabelsOutOfRangeAreNamed) {
  contents["test/labels"].values = {2, 5};
  expect_refused({path(), "test/labels", "image 1", "label 5", "0 to 2"});
  contents["test/labels"].values = {2, 0};
  contents["train/labels"] = {H5T_STD_I8LE, {4}, {0, 1, 2, 1}};
  write();
  const Handle file(H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
  {
    const Handle labels(H5Dopen2(file.get(), "train/labels", H5P_DEFAULT), H5Dclose, "open");
    const std::array<std::int8_t, 4> values = {0, -1, 2, 1};
    H5Dwrite(labels.get(), H5T_NATIVE_INT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
  expect_sentence([&] { load(); }, {path(), "train/labels", "image 1", "label -1"});
}

TEST_F(Hdf5Images, BothSplitsMustHaveOneShape) {
  contents["test/images"].sizes = {2, 2, 3};
  expect_refused({path(), "1x3x2", "1x2x3"});
}

}  // namespace
}  // namespace terse
