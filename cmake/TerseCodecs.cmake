# The libraries that need neither LibTorch nor MPI nor HDF5: base, the codecs and their reference. tests/arm builds only these.
terse_library(base SOURCES src/base EXCLUDE src/base/hdf5 LINK terse::fmt terse::xxhash Threads::Threads)
terse_library(compressors SOURCES compressors EXCLUDE compressors/reference LINK terse::base terse::hwy)
terse_library(reference SOURCES compressors/reference LINK terse::compressors)

# Debug builds optimize the codecs a little: their tests sweep millions of elements and would take a quarter of an hour.
if(CMAKE_BUILD_TYPE STREQUAL Debug)
  foreach(library compressors reference)
    target_compile_options(terse_${library} PRIVATE -O1)
    set_target_properties(terse_${library} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
  endforeach()
endif()
