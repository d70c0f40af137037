// HDF5 files that live in memory alone: their bytes can be checksummed before they reach a disk and
// checked before the library opens them, and a full disk is met by our own writer. All of this
// needs the lock.
#pragma once

#include <cstddef>
#include <vector>

#include "terse/base/bytes.h"
#include "terse/base/hdf5/hdf5.h"

namespace terse::hdf5 {

// An empty file. `owner` is an address that no other open file in memory uses.
Handle create_in_memory(const void* owner);

// Opens a copy of the bytes to read. Damaged bytes are not safely refused: verify them first.
Handle open_in_memory(const void* owner, ConstBytes bytes);

// The file's bytes, complete.
std::vector<std::byte> image_of(const Handle& file);

}  // namespace terse::hdf5
