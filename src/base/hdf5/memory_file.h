// HDF5 files in memory: their bytes can be checksummed before they are written to disk and verified
// before the library opens them, and our own writer handles a full disk. All functions need the
// lock.
#pragma once

#include <cstddef>
#include <vector>

#include "terse/base/bytes.h"
#include "terse/base/hdf5/hdf5.h"

namespace terse::hdf5 {

// Creates an empty file. `owner` is an address that no other open memory file uses.
Handle create_in_memory(const void* owner);

// Opens a copy of the bytes for reading. Verify them first: the library may crash on damaged bytes.
Handle open_in_memory(const void* owner, ConstBytes bytes);

// The complete bytes of the file.
std::vector<std::byte> image_of(const Handle& file);

}  // namespace terse::hdf5
