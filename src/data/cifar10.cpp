// CIFAR-10's binary version (Krizhevsky 2009): records of one label byte and 3072 pixel bytes, red,
// green, blue plane.
#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/data/formats.h"

namespace terse::formats {
namespace {

namespace fs = std::filesystem;

constexpr Shape kShape{3, 32, 32};
constexpr std::int64_t kClasses = 10;
constexpr std::uintmax_t kPixelBytes = 3072, kRecordBytes = kPixelBytes + 1, kMaxRecords = 10000;

// Appends a file's records and returns their number.
std::uintmax_t append(const fs::path& path, Split& split) {
  const std::uintmax_t size = size_in_bytes(path);
  if (size == 0 || size % kRecordBytes != 0 || size / kRecordBytes > kMaxRecords) {
    fail("{} has {} bytes; expected 1 to {} records of {} bytes (the standard file has {}).",
         path.string(), size, kMaxRecords, kRecordBytes, kMaxRecords);
  }
  const std::vector<std::byte> bytes = read_bytes(path);
  const auto* records = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::vector<std::int64_t> labels;
  for (std::size_t at = 0; at < bytes.size(); at += kRecordBytes) {
    labels.push_back(records[at]);
    split.pixels.insert(split.pixels.end(), records + at + 1, records + at + kRecordBytes);
  }
  check_labels(labels, kClasses, path.string());
  split.labels.insert(split.labels.end(), labels.begin(), labels.end());
  return labels.size();
}

fs::path find_folder(const fs::path& folder) {
  std::error_code ignored;
  const fs::path inner = folder / "cifar-10-batches-bin";
  return fs::is_directory(inner, ignored) ? inner : folder;
}

}  // namespace

Dataset read_cifar10(const fs::path& given) {
  const fs::path folder = find_folder(given);
  Dataset data;
  data.name = "cifar10";
  data.classes = kClasses;
  data.train.shape = data.test.shape = kShape;
  std::uintmax_t first = 0;
  for (int batch = 1; batch <= 5; ++batch) {
    const fs::path path = folder / fmt::format("data_batch_{}.bin", batch);
    const std::uintmax_t records = append(path, data.train);
    if (batch == 1) first = records;
    if (records != first) {
      fail("{} holds {} records, but data_batch_1.bin holds {}; one of them is truncated.",
           path.string(), records, first);
    }
  }
  append(folder / "test_batch.bin", data.test);
  return data;
}

}  // namespace terse::formats
