// NumPy's format, versions 1 to 3 (numpy.lib.format).
#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "terse/base/bytes.h"
#include "terse/base/error.h"
#include "terse/launch/tools/files/tensor_file.h"

namespace terse::tensor_format {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;

// The text after `'key':` in the header's dictionary, without leading spaces.
std::string_view value_of(std::string_view dictionary, std::string_view key,
                          const std::string& where) {
  const std::size_t at = dictionary.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) fail("{} is damaged: its header has no '{}'.", where, key);
  const std::string_view rest = dictionary.substr(at + key.size() + 3);
  return rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
}

std::vector<std::uint64_t> shape_of(std::string_view text, const std::string& where) {
  const auto damaged = [&] { fail("{} is damaged: its shape cannot be read.", where); };
  if (text.empty() || text.front() != '(') damaged();
  text.remove_prefix(1);
  std::vector<std::uint64_t> shape;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.starts_with(')')) return shape;
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc()) damaged();
    shape.push_back(size);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
}

// Begin and end of the header's dictionary.
std::pair<std::size_t, std::size_t> header_of(const std::vector<std::byte>& file,
                                              const std::string& where) {
  if (file.size() < 12 || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0)
    fail("{} is not a .npy file, or it was cut off.", where);
  const auto version = static_cast<unsigned>(file[6]);
  if (version < 1 || version > 3) fail("{} has the unknown .npy version {}.", where, version);
  const std::size_t begin = version == 1 ? 10 : 12;
  const std::size_t length =
      version == 1 ? load<std::uint16_t>(file.data() + 8) : load<std::uint32_t>(file.data() + 8);
  if (length > file.size() - begin) fail("{} was cut off in its header.", where);
  return {begin, begin + length};
}

}  // namespace

Tensor from_npy(const std::vector<std::byte>& file, const std::string& where) {
  const auto [begin, end] = header_of(file, where);
  const std::string_view dictionary(reinterpret_cast<const char*>(file.data()) + begin,
                                    end - begin);
  const std::string_view type = value_of(dictionary, "descr", where);
  if (!type.starts_with("'<f4'"))
    fail<JobError>("{} holds {} and not little-endian fp32 ('<f4').", where,
                   type.substr(0, std::min<std::size_t>(type.find(','), 16)));
  if (!value_of(dictionary, "fortran_order", where).starts_with("False"))
    fail<JobError>("{} is stored column by column; save it in C order.", where);
  const auto shape = shape_of(value_of(dictionary, "shape", where), where);
  const std::size_t n = elements_of(shape, where);
  if (file.size() - end != n * sizeof(float))
    fail("{} is damaged: its shape has {} elements, and its data {} bytes.", where, n,
         file.size() - end);
  Tensor tensor{.name = {}, .shape = {shape.begin(), shape.end()}, .values = {}};
  tensor.values.resize(n);
  std::memcpy(tensor.values.data(), file.data() + end, n * sizeof(float));
  return tensor;
}

std::vector<std::byte> to_npy(const Tensor& tensor) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                  fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  header.resize(round_up(10 + header.size() + 1, kAlignment) - 11, ' ');
  header += '\n';
  std::vector<std::byte> file(10 + header.size() + tensor.values.size() * sizeof(float));
  std::memcpy(file.data(), kMagic.data(), kMagic.size());
  file[6] = std::byte{1};
  store(file.data() + 8, static_cast<std::uint16_t>(header.size()));
  std::memcpy(file.data() + 10, header.data(), header.size());
  std::memcpy(file.data() + 10 + header.size(), tensor.values.data(),
              tensor.values.size() * sizeof(float));
  return file;
}

}  // namespace terse::tensor_format
