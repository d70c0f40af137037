// The format of Hugging Face's safetensors: the length of a JSON header (u64), the header, the
// data.
#include <cstring>
#include <nlohmann/json.hpp>

#include "terse/base/bytes.h"
#include "terse/base/error.h"
#include "terse/launch/tools/files/tensor_file.h"

namespace terse::tensor_format {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestHeader = 100'000'000;  // as in the reference implementation

json header_of(const std::vector<std::byte>& file, const std::string& where) {
  if (file.size() < 8) fail("{} is not a .safetensors file.", where);
  const auto length = load<std::uint64_t>(file.data());
  if (length > file.size() - 8 || length > kLargestHeader)
    fail("{} is not a .safetensors file, or it was cut off.", where);
  const auto* const text = reinterpret_cast<const char*>(file.data()) + 8;
  json header = json::parse(text, text + length, nullptr, false);
  if (!header.is_object()) fail("{} is damaged: its header is not a JSON object.", where);
  header.erase("__metadata__");
  return header;
}

std::string choose(const json& header, const std::string& name, const std::string& where) {
  if (!name.empty()) {
    if (!header.contains(name)) fail<JobError>("{} has no tensor '{}'.", where, name);
    return name;
  }
  if (header.size() != 1)
    fail<JobError>("{} holds {} tensors; name one with --tensor.", where, header.size());
  return header.begin().key();
}

std::vector<std::uint64_t> numbers(const json& entry, const char* key, const std::string& where) {
  std::vector<std::uint64_t> list;
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) fail("{} is damaged: no {}.", where, key);
  for (const json& one : *found) {
    if (!one.is_number_unsigned()) fail("{} is damaged: {} is not a list of sizes.", where, key);
    list.push_back(one.get<std::uint64_t>());
  }
  return list;
}

}  // namespace

Tensor from_safetensors(const std::vector<std::byte>& file, const std::string& name,
                        const std::string& where) {
  const json header = header_of(file, where);
  const std::size_t data = 8 + load<std::uint64_t>(file.data());
  Tensor tensor;
  tensor.name = choose(header, name, where);
  const json& entry = header[tensor.name];
  const std::string what = fmt::format("tensor '{}' of {}", tensor.name, where);
  if (!entry.is_object()) fail("{} is damaged: it has no description.", what);
  const auto type = entry.find("dtype");
  if (type == entry.end() || *type != "F32") fail<JobError>("{} is not fp32 (F32).", what);
  const auto shape = numbers(entry, "shape", what), place = numbers(entry, "data_offsets", what);
  const std::size_t n = elements_of(shape, what);
  if (place.size() != 2 || place[0] > place[1] || place[1] > file.size() - data ||
      place[1] - place[0] != n * sizeof(float)) {
    fail("{} is damaged: its data are not where the header says.", what);
  }
  tensor.shape = {shape.begin(), shape.end()};
  tensor.values.resize(n);
  std::memcpy(tensor.values.data(), file.data() + data + place[0], n * sizeof(float));
  return tensor;
}

std::vector<std::byte> to_safetensors(const Tensor& tensor) {
  const std::size_t bytes = tensor.values.size() * sizeof(float);
  const json entry = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {0, bytes}}};
  std::string header = json{{tensor.name.empty() ? "tensor" : tensor.name, entry}}.dump();
  header.resize(round_up(header.size(), 8), ' ');
  std::vector<std::byte> file(8 + header.size() + bytes);
  store(file.data(), std::uint64_t{header.size()});
  std::memcpy(file.data() + 8, header.data(), header.size());
  std::memcpy(file.data() + 8 + header.size(), tensor.values.data(), bytes);
  return file;
}

}  // namespace terse::tensor_format
