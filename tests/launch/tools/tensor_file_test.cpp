#include "terse/launch/tools/files/tensor_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "terse/base/error.h"
#include "terse/base/file.h"

namespace terse::test {
namespace {

namespace fs = std::filesystem;

fs::path place(const std::string& name) {
  const fs::path folder = fs::path(TERSE_BINARY_DIR) / "tools_test";
  fs::create_directories(folder);
  return folder / name;
}

Tensor sample() {
  Tensor tensor{.name = "block.0/weight", .shape = {3, 5, 7}, .values = std::vector<float>(105)};
  for (std::size_t i = 0; i < 105; ++i) tensor.values[i] = std::sin(static_cast<float>(i));
  tensor.values[7] = -0.0f;
  tensor.values[8] = std::numeric_limits<float>::infinity();
  return tensor;
}

TEST(TensorFile, ComesBackToTheBit) {
  const Tensor tensor = sample();
  for (const char* name : {"a.npy", "a.safetensors", "a.h5"}) {
    write_tensor(place(name), tensor);
    const Tensor back = read_tensor(place(name), tensor.name);
    EXPECT_EQ(back.shape, tensor.shape) << name;
    EXPECT_EQ(std::memcmp(back.values.data(), tensor.values.data(), 105 * sizeof(float)), 0)
        << name;
  }
  EXPECT_EQ(read_tensor(place("a.safetensors"), "").name, tensor.name);
}

TEST(TensorFile, NpyIsWhatNumpyWrites) {
  const auto file = tensor_format::to_npy({.name = {}, .shape = {2}, .values = {1, 2}});
  ASSERT_EQ(file.size(), 128u + 8);
  const std::string text(reinterpret_cast<const char*>(file.data()), 128);
  EXPECT_EQ(text.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(text.substr(10, 57), "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }");
  EXPECT_EQ(text.back(), '\n');
}

void expect_damage(std::vector<std::byte> file,
                   const std::function<void(const std::vector<std::byte>&)>& read) {
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_THROW(read({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)}), Error);
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const std::byte flip : {std::byte{1}, std::byte{0x80}}) {
      file[at] ^= flip;
      try {
        read(file);  // an error, or a tensor: never worse
      } catch (const Error&) {
      }
      file[at] ^= flip;
    }
  }
}

TEST(TensorFile, DamageIsAnErrorOrATensor) {
  const Tensor tensor{.name = "w", .shape = {2, 2}, .values = {1, 2, 3, 4}};
  expect_damage(tensor_format::to_npy(tensor),
                [](const auto& file) { tensor_format::from_npy(file, "file"); });
  expect_damage(tensor_format::to_safetensors(tensor),
                [](const auto& file) { tensor_format::from_safetensors(file, "", "file"); });
}

void expect_npy_refused(const std::string& type, const std::string& order, const std::string& shape,
                        std::size_t bytes) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size());
  file += '\0';
  file += header + std::string(bytes, '\0');
  const auto* const data = reinterpret_cast<const std::byte*>(file.data());
  EXPECT_THROW(tensor_format::from_npy({data, data + file.size()}, "file"), JobError)
      << type << shape;
}

TEST(TensorFile, RefusesWhatCannotBeEncoded) {
  expect_npy_refused("<f8", "False", "(2,)", 16);
  expect_npy_refused("<c8", "False", "(2,)", 16);
  expect_npy_refused("<f4", "True", "(2, 2)", 16);
  expect_npy_refused("<f4", "False", "()", 4);
  expect_npy_refused("<f4", "False", "(0,)", 0);
  expect_npy_refused("<f4", "False", "(65536, 65536)", 0);
  expect_npy_refused("<f4", "False", "(4294967296, 4294967296, 4294967296)", 0);
  EXPECT_THROW(read_tensor(place("a.txt"), ""), JobError);
  EXPECT_THROW(read_tensor(place("missing.npy"), ""), Error);
  EXPECT_THROW(read_tensor(place("missing.h5"), "w"), Error);
  write_tensor(place("b.safetensors"), sample());
  EXPECT_THROW(read_tensor(place("b.safetensors"), "other"), JobError);
  write_tensor(place("b.h5"), sample());
  EXPECT_THROW(read_tensor(place("b.h5"), "other"), Error);
  EXPECT_THROW(read_tensor(place("b.h5"), ""), JobError);
}

}  // namespace
}  // namespace terse::test
