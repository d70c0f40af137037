#include <algorithm>

#include "terse/base/error.h"
#include "terse/base/hdf5/hdf5.h"
#include "terse/data/formats.h"

namespace terse::formats {
namespace {

namespace fs = std::filesystem;

// The limit of deflate, which compresses best of the filters in use: a dataset that claims a higher
// ratio is damaged.
constexpr std::uintmax_t kMaxCompression = 1032;

// One dataset of an open file; its errors name both.
class Array {
 public:
  Array(hid_t file, const fs::path& path, const std::string& name)
      : where_(fmt::format("{}: {}", path.string(), name)) {
    check_link(file, name.substr(0, name.find('/')));
    check_link(file, name);
    dataset_ = {H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, "open the dataset " + where_};
    type_ = {H5Dget_type(dataset_.get()), H5Tclose, "read the type of " + where_};
    read_dimensions();
    read_chunk();
    check_stored_size(size_in_bytes(path));
    check_every_chunk();
  }

  const std::string& where() const { return where_; }
  const std::vector<std::uint64_t>& dimensions() const { return dimensions_; }
  bool holds_integers() const { return H5Tget_class(type_.get()) == H5T_INTEGER; }
  bool holds_bytes() const {
    return holds_integers() && H5Tget_size(type_.get()) == 1 &&
           H5Tget_sign(type_.get()) == H5T_SGN_NONE;
  }

  template <class T>
  std::vector<T> read(hid_t memory_type) const {
    std::vector<T> values(static_cast<std::size_t>(elements_));
    hdf5::check_status(
        H5Dread(dataset_.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        "read " + where_);
    return values;
  }

 private:
  void check_link(hid_t file, const std::string& name) const {
    if (H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0) return;
    fail(
        "{} is missing; the file must hold train/images, train/labels, test/images and "
        "test/labels.",
        where_);
  }

  void read_dimensions() {
    const hdf5::Handle space(H5Dget_space(dataset_.get()), H5Sclose, "read the shape of " + where_);
    const int count = H5Sget_simple_extent_ndims(space.get());
    hdf5::check(count, "read the shape of " + where_);
    std::vector<hsize_t> sizes(static_cast<std::size_t>(count));
    hdf5::check_status(H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr),
                       "read the shape of " + where_);
    dimensions_.assign(sizes.begin(), sizes.end());
  }

  void read_chunk() {
    const hdf5::Handle plist(H5Dget_create_plist(dataset_.get()), H5Pclose,
                             "read the layout of " + where_);
    if (H5Pget_layout(plist.get()) != H5D_CHUNKED) return;
    std::vector<hsize_t> sizes(dimensions_.size());
    const int rank = H5Pget_chunk(plist.get(), static_cast<int>(sizes.size()), sizes.data());
    hdf5::check(rank, "read the layout of " + where_);
    if (static_cast<std::size_t>(rank) != sizes.size() || std::ranges::count(sizes, 0u) != 0) {
      fail("{} has chunks of {} elements; the file is damaged.", where_, fmt::join(sizes, "x"));
    }
    chunk_.assign(sizes.begin(), sizes.end());
  }

  // Rejects sizes, of the whole and of one chunk, that the stored bytes cannot fill, before
  // anything is allocated.
  void check_stored_size(std::uintmax_t file_bytes) {
    const std::uintmax_t stored =
        std::min<std::uintmax_t>(H5Dget_storage_size(dataset_.get()), file_bytes);
    const std::optional<std::int64_t> elements = product(dimensions_);
    if (elements) elements_ = *elements;
    if (!elements || exceeds(dimensions_, stored) || (!chunk_.empty() && exceeds(chunk_, stored))) {
      fail("{} claims {} elements, but {} bytes are stored.", where_, fmt::join(dimensions_, "x"),
           stored);
    }
  }

  bool exceeds(std::vector<std::uint64_t> sizes, std::uintmax_t stored) const {
    sizes.push_back(H5Tget_size(type_.get()));
    const std::optional<std::int64_t> bytes = product(sizes);
    return !bytes || static_cast<std::uintmax_t>(*bytes) / kMaxCompression > stored ||
           (*bytes > 0 && stored == 0);
  }

  // A chunk that was never written, because its writer was killed, would read as zeros.
  void check_every_chunk() const {
    if (chunk_.empty()) return;
    std::vector<std::uint64_t> grid;
    for (std::size_t i = 0; i < chunk_.size(); ++i) {
      grid.push_back(dimensions_[i] / chunk_[i] + (dimensions_[i] % chunk_[i] != 0 ? 1 : 0));
    }
    const hdf5::Handle space(H5Dget_space(dataset_.get()), H5Sclose, "read the shape of " + where_);
    hsize_t stored = 0;
    hdf5::check_status(H5Dget_num_chunks(dataset_.get(), space.get(), &stored),
                       "read the layout of " + where_);
    if (product(grid) != static_cast<std::int64_t>(stored)) {
      fail("{} is incomplete: {} of its {} chunks are stored.", where_, stored,
           fmt::join(grid, "x"));
    }
  }

  std::string where_;
  hdf5::Handle dataset_, type_;
  std::vector<std::uint64_t> dimensions_;
  std::vector<std::uint64_t> chunk_;  // empty if the dataset is not chunked
  std::int64_t elements_ = 0;
};

void read_images(const Array& images, Split& split) {
  if (!images.holds_bytes()) {
    fail("{} has the wrong type; expected unsigned 8-bit integers.", images.where());
  }
  const std::vector<std::uint64_t>& sizes = images.dimensions();
  if (sizes.size() != 3 && sizes.size() != 4) {
    fail("{} has {} dimensions; expected [n, height, width] or [n, channels, height, width].",
         images.where(), sizes.size());
  }
  if (std::ranges::find(sizes, 0u) != sizes.end()) {
    fail("{} is empty: its dimensions are {}.", images.where(), fmt::join(sizes, "x"));
  }
  const auto size = [&](std::size_t from_back) {
    return static_cast<std::int64_t>(sizes[sizes.size() - from_back]);
  };
  split.shape = {sizes.size() == 4 ? size(3) : 1, size(2), size(1)};
  split.pixels = images.read<std::uint8_t>(H5T_NATIVE_UINT8);
}

void read_labels(const Array& labels, std::uint64_t images, Split& split) {
  if (!labels.holds_integers()) fail("{} has the wrong type; expected integers.", labels.where());
  if (labels.dimensions() != std::vector{images}) {
    fail("{} has the dimensions {}; expected {}, one label for each image.", labels.where(),
         fmt::join(labels.dimensions(), "x"), images);
  }
  split.labels = labels.read<std::int64_t>(H5T_NATIVE_INT64);
}

// Returns the location of the labels, for the checks that need both splits.
std::string read_split(hid_t file, const fs::path& path, const std::string& name, Split& split) {
  const Array images(file, path, name + "/images"), labels(file, path, name + "/labels");
  read_images(images, split);
  read_labels(labels, images.dimensions()[0], split);
  return labels.where();
}

}  // namespace

Dataset read_hdf5(const fs::path& path) {
  size_in_bytes(path);
  const auto held = hdf5::lock();
  if (H5Fis_hdf5(path.c_str()) <= 0) fail("{} is not an HDF5 file.", path.string());
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                          "open " + path.string());
  Dataset data;
  data.name = path.stem().string();
  const std::string train_labels = read_split(file.get(), path, "train", data.train);
  const std::string test_labels = read_split(file.get(), path, "test", data.test);
  data.classes = count_classes(data.train.labels, train_labels);
  check_labels(data.test.labels, data.classes, test_labels);
  check_equal_shapes(data, path.string());
  return data;
}

}  // namespace terse::formats
