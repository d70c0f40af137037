#include "terse/base/hdf5/memory_file.h"

#include <fmt/format.h>

#include <string>

namespace terse::hdf5 {
namespace {

constexpr std::size_t kGrowBytes = 1 << 20;

Handle memory_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make file access properties");
  check_status(H5Pset_fapl_core(access.get(), kGrowBytes, false), "choose a file in memory");
  return access;
}

// The library identifies open files by name and refuses a name that exists on disk; no file can
// exist below /dev/null.
std::string memory_name(const void* owner) { return fmt::format("/dev/null/terse-{}", owner); }

}  // namespace

Handle create_in_memory(const void* owner) {
  return Handle(
      H5Fcreate(memory_name(owner).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, memory_access().get()),
      H5Fclose, "create a file in memory");
}

Handle open_in_memory(const void* owner, ConstBytes bytes) {
  const Handle access = memory_access();
  // The library only copies from this non-const pointer.
  check_status(H5Pset_file_image(access.get(), const_cast<std::byte*>(bytes.data()), bytes.size()),
               "take a file image");
  return Handle(H5Fopen(memory_name(owner).c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose,
                "open a file image");
}

std::vector<std::byte> image_of(const Handle& file) {
  check_status(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "complete the file in memory");
  const ssize_t size = H5Fget_file_image(file.get(), nullptr, 0);
  check(size, "measure the file in memory");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  check(H5Fget_file_image(file.get(), bytes.data(), bytes.size()), "copy the file from memory");
  return bytes;
}

}  // namespace terse::hdf5
