// fp32 tensors in the files of other programs, by extension of the path: NumPy's .npy,
// .safetensors, or a dataset of an HDF5 file (.h5, .hdf5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace terse {

struct Tensor {
  std::string name;                  // in a .safetensors or HDF5 file
  std::vector<std::uint32_t> shape;  // one to eight dimensions
  std::vector<float> values;         // row-major, at least one, fewer than 2^31
};

// Reads the tensor or dataset `name`; empty: the only one of the file. Throws JobError for a tensor
// that cannot be encoded (0-D, empty, not fp32, not row-major) and Error for a file that cannot be
// read or is inconsistent.
Tensor read_tensor(const std::filesystem::path& path, const std::string& name);
void write_tensor(const std::filesystem::path& path, const Tensor& tensor);
// Throws JobError where the extension is not one of a tensor file.
void require_tensor_name(const std::filesystem::path& path);

// Returns the number of elements. Throws JobError where Tensor cannot hold them; `where` begins the
// sentence.
std::uint32_t elements_of(const std::vector<std::uint64_t>& shape, const std::string& where);

// The formats; only tensor_file.cpp uses them.
namespace tensor_format {
Tensor from_npy(const std::vector<std::byte>& file, const std::string& where);
std::vector<std::byte> to_npy(const Tensor& tensor);
Tensor from_safetensors(const std::vector<std::byte>& file, const std::string& name,
                        const std::string& where);
std::vector<std::byte> to_safetensors(const Tensor& tensor);
Tensor from_hdf5(const std::filesystem::path& path, const std::string& name);
std::vector<std::byte> to_hdf5(const Tensor& tensor);
}  // namespace tensor_format

}  // namespace terse
