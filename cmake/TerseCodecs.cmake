# The libraries that need neither LibTorch nor MPI nor HDF5: base, the codecs and their reference. tests/arm builds only these.
terse_library(base SOURCES src/base EXCLUDE src/base/hdf5 LINK terse::fmt terse::xxhash Threads::Threads)
terse_library(compressors SOURCES compressors EXCLUDE compressors/reference LINK terse::base terse::hwy)
terse_library(reference SOURCES compressors/reference LINK terse::compressors)
