#include "terse/data/formats.h"

#include <algorithm>
#include <system_error>

#include "terse/base/error.h"

namespace terse::formats {
namespace {

namespace fs = std::filesystem;

// A larger label is treated as damage: the model's last layer would have to be as wide.
constexpr std::int64_t kMaxClasses = 65536;

}  // namespace

std::optional<std::int64_t> product(std::span<const std::uint64_t> factors) {
  if (std::ranges::find(factors, 0u) != factors.end()) return 0;
  std::int64_t result = 1;
  for (const std::uint64_t factor : factors) {
    if (__builtin_mul_overflow(result, factor, &result)) return std::nullopt;
  }
  return result;
}

std::uintmax_t size_in_bytes(const fs::path& file) {
  std::error_code code;
  const fs::file_status status = fs::status(file, code);
  if (!fs::exists(status)) fail<JobError>("there is no data file {}.", file.string());
  if (!fs::is_regular_file(status)) fail<JobError>("{} is not a file.", file.string());
  const std::uintmax_t size = fs::file_size(file, code);
  if (code) fail<JobError>("cannot read {}: {}.", file.string(), code.message());
  return size;
}

std::int64_t count_classes(std::span<const std::int64_t> labels, const std::string& where) {
  check_labels(labels, kMaxClasses, where);
  return *std::ranges::max_element(labels) + 1;
}

void check_labels(std::span<const std::int64_t> labels, std::int64_t classes,
                  const std::string& where) {
  const auto bad = std::ranges::find_if(
      labels, [&](std::int64_t label) { return label < 0 || label >= classes; });
  if (bad == labels.end()) return;
  fail("{}: image {} has the label {}; expected 0 to {}.", where, bad - labels.begin(), *bad,
       classes - 1);
}

void check_equal_shapes(const Dataset& data, const std::string& where) {
  const Shape &train = data.train.shape, &test = data.test.shape;
  if (train == test) return;
  fail("{}: training images are {}x{}x{} (channels, height, width), but test images are {}x{}x{}.",
       where, train.channels, train.height, train.width, test.channels, test.height, test.width);
}

}  // namespace terse::formats
