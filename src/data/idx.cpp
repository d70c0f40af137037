// IDX: MNIST's own format (http://yann.lecun.com/exdb/mnist): a big-endian magic number that ends
// in the number of dimensions, the dimensions, the bytes.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "terse/base/error.h"
#include "terse/data/formats.h"

namespace terse::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImagesMagic = 0x00000803, kLabelsMagic = 0x00000801;

// A plain or gzipped file, distinguished by its first bytes and not by its name.
class IdxFile {
 public:
  explicit IdxFile(fs::path path) : path_(std::move(path)), file_(nullptr, gzclose_r) {
    size_in_bytes(path_);
    file_.reset(gzopen(path_.c_str(), "rb"));
    if (!file_) fail<JobError>("cannot open {}; check its permissions.", name());
    gzbuffer(file_.get(), 1 << 18);
  }

  std::string name() const { return path_.string(); }

  std::uint32_t read_number() {
    std::array<std::uint8_t, 4> bytes;
    if (read(bytes) != bytes.size()) fail("{} ends within its header; it is truncated.", name());
    std::uint32_t number = 0;
    for (const std::uint8_t byte : bytes) number = number << 8 | byte;
    return number;
  }

  void check_magic(std::uint32_t wanted, std::string_view what) {
    const std::uint32_t found = read_number();
    if (found == wanted) return;
    fail("{} begins with the magic number 0x{:08x}; an IDX file of {} begins with 0x{:08x}.",
         name(), found, what, wanted);
  }

  // All bytes after the header. The buffer grows with the bytes read, so that a wrong header costs
  // no memory.
  std::vector<std::uint8_t> read_rest(std::int64_t promised) {
    constexpr std::size_t kPiece = 16 << 20;
    const auto wanted = static_cast<std::size_t>(promised);
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < wanted) {
      const std::size_t begin = bytes.size(), piece = std::min(kPiece, wanted - begin);
      bytes.resize(begin + piece);
      const std::size_t got = read(std::span(bytes).subspan(begin));
      if (got < piece) {
        fail("{} is truncated: its header promises {} bytes, and {} follow.", name(), wanted,
             begin + got);
      }
    }
    std::array<std::uint8_t, 1> beyond;
    if (read(beyond) != 0)
      fail("{} has more than the {} bytes that its header promises.", name(), wanted);
    return bytes;
  }

 private:
  // Returns fewer bytes than `to` holds only at the end of the file. Throws Error if the gzip
  // stream is damaged or truncated.
  std::size_t read(std::span<std::uint8_t> to) {
    const int got = gzread(file_.get(), to.data(), static_cast<unsigned>(to.size()));
    int code = Z_OK;
    gzerror(file_.get(), &code);
    if (code == Z_BUF_ERROR) fail("{} is a truncated gzip file.", name());
    if (code != Z_OK || got < 0) fail("{} is a damaged gzip file.", name());
    return static_cast<std::size_t>(got);
  }

  fs::path path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

IdxFile open(const fs::path& folder, std::string_view stem, int dimensions) {
  for (const char separator : {'-', '.'}) {
    for (const std::string_view suffix : {"", ".gz"}) {
      fs::path path =
          folder / fmt::format("{}{}idx{}-ubyte{}", stem, separator, dimensions, suffix);
      std::error_code ignored;
      if (fs::exists(path, ignored)) return IdxFile(std::move(path));
    }
  }
  fail<JobError>("the folder {} has no file {}-idx{}-ubyte or {}-idx{}-ubyte.gz.", folder.string(),
                 stem, dimensions, stem, dimensions);
}

void read_images(IdxFile file, Split& split, std::int64_t& count) {
  file.check_magic(kImagesMagic, "images");
  const std::uint64_t images = file.read_number(), height = file.read_number(),
                      width = file.read_number();
  const std::uint64_t factors[] = {images, height, width};
  const std::optional<std::int64_t> bytes = product(factors);
  if (!bytes || *bytes == 0) {
    fail("{} claims to hold {} images of {}x{} pixels.", file.name(), images, height, width);
  }
  split.shape = {1, static_cast<std::int64_t>(height), static_cast<std::int64_t>(width)};
  split.pixels = file.read_rest(*bytes);
  count = static_cast<std::int64_t>(images);
}

// Reads one split and returns the name of its label file, for the checks that need both splits.
std::string read_split(const fs::path& folder, const std::string& prefix, Split& split) {
  std::int64_t images = 0;
  read_images(open(folder, prefix + "-images", 3), split, images);
  IdxFile file = open(folder, prefix + "-labels", 1);
  file.check_magic(kLabelsMagic, "labels");
  const std::int64_t labels = file.read_number();
  if (labels != images) {
    fail("{} says it holds {} labels, but there are {} images beside it.", file.name(), labels,
         images);
  }
  const std::vector<std::uint8_t> bytes = file.read_rest(labels);
  split.labels.assign(bytes.begin(), bytes.end());
  return file.name();
}

}  // namespace

Dataset read_idx(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail<JobError>(
        "data.path is {}, which is not a folder; data.kind = idx needs the folder of MNIST's four "
        "files.",
        folder.string());
  }
  Dataset data;
  data.name = "idx";
  const std::string train_labels = read_split(folder, "train", data.train);
  const std::string test_labels = read_split(folder, "t10k", data.test);
  data.classes = count_classes(data.train.labels, train_labels);
  check_labels(data.test.labels, data.classes, test_labels);
  check_equal_shapes(data, folder.string());
  return data;
}

}  // namespace terse::formats
