#include "terse/base/error.h"
#include "terse/base/hdf5/hdf5.h"
#include "terse/base/hdf5/memory_file.h"
#include "terse/launch/tools/files/tensor_file.h"

namespace terse::tensor_format {

using hdf5::check;
using hdf5::check_status;
using hdf5::Handle;

Tensor from_hdf5(const std::filesystem::path& path, const std::string& name) {
  if (name.empty()) fail<JobError>("{}: name the dataset with --tensor.", path.string());
  const auto lock = hdf5::lock();
  const std::string what = fmt::format("dataset '{}' of {}", name, path.string());
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                    "open " + path.string());
  const Handle set(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, "open " + what);
  const Handle type(H5Dget_type(set.get()), H5Tclose, "read the type of " + what);
  if (H5Tget_class(type.get()) != H5T_FLOAT || H5Tget_size(type.get()) != sizeof(float))
    fail<JobError>("{} is not fp32.", what);
  const Handle space(H5Dget_space(set.get()), H5Sclose, "read the shape of " + what);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  std::vector<hsize_t> sizes(static_cast<std::size_t>(std::max(rank, 0)));
  if (rank > 0)
    check_status(H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr), "read " + what);
  Tensor tensor{.name = name, .shape = {sizes.begin(), sizes.end()}, .values = {}};
  tensor.values.resize(elements_of({sizes.begin(), sizes.end()}, what));
  check_status(
      H5Dread(set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.values.data()),
      "read " + what);
  return tensor;
}

std::vector<std::byte> to_hdf5(const Tensor& tensor) {
  const auto lock = hdf5::lock();
  Handle file = hdf5::create_in_memory(&tensor);
  {
    const std::vector<hsize_t> sizes(tensor.shape.begin(), tensor.shape.end());
    const Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                       H5Sclose, "describe a tensor");
    const std::string name = tensor.name.empty() ? "tensor" : tensor.name;
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make a property list");
    check_status(H5Pset_create_intermediate_group(links.get(), 1), "ask for groups");
    const Handle set(H5Dcreate2(file.get(), name.c_str(), H5T_IEEE_F32LE, space.get(), links.get(),
                                H5P_DEFAULT, H5P_DEFAULT),
                     H5Dclose, "make dataset " + name);
    check_status(
        H5Dwrite(set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.values.data()),
        "write dataset " + name);
  }
  return hdf5::image_of(file);
}

}  // namespace terse::tensor_format
