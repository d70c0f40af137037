# What terse is built from. Each is an imported target of our own name, so that the rooms read alike on every distribution.
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(hwy REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
find_path(TERSE_XXHASH_INCLUDE xxhash.h REQUIRED)
include(TerseTorch)

# The library and not the headers alone: compiling fmt's insides is half of what a small file costs. LibTorch ships headers
# of another version, which an include root of our own goes before. What is installed has no such root: files there take
# whichever headers they find, by themselves, as each version keeps to its own namespace.
get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include/libfmt)
file(CREATE_LINK ${fmt_include}/fmt ${CMAKE_BINARY_DIR}/include/libfmt/fmt SYMBOLIC)
add_library(terse_fmt INTERFACE)
add_library(terse::fmt ALIAS terse_fmt)
target_include_directories(terse_fmt INTERFACE $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/include/libfmt>)
target_link_libraries(terse_fmt INTERFACE fmt::fmt $<INSTALL_INTERFACE:fmt::fmt-header-only>)

add_library(terse_json INTERFACE)
add_library(terse::json ALIAS terse_json)
target_link_libraries(terse_json INTERFACE nlohmann_json::nlohmann_json)

add_library(terse_xxhash INTERFACE)
add_library(terse::xxhash ALIAS terse_xxhash)
target_compile_definitions(terse_xxhash INTERFACE XXH_INLINE_ALL)

# Kernels are compiled for AVX-512, AVX2, NEON and the baseline. SSSE3 and SSE4 would cost code and bring nothing, and the vectors of
# SVE, which GCC adds by itself, have no size and cannot be members.
add_library(terse_hwy INTERFACE)
add_library(terse::hwy ALIAS terse_hwy)
target_link_libraries(terse_hwy INTERFACE hwy::hwy)
target_compile_definitions(terse_hwy INTERFACE
  "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")

add_library(terse_mpi INTERFACE)
add_library(terse::mpi ALIAS terse_mpi)
target_link_libraries(terse_mpi INTERFACE MPI::MPI_C)
target_compile_definitions(terse_mpi INTERFACE OMPI_SKIP_MPICXX)

add_library(terse_libhdf5 INTERFACE)
add_library(terse::libhdf5 ALIAS terse_libhdf5)
target_include_directories(terse_libhdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(terse_libhdf5 INTERFACE ${HDF5_C_LIBRARIES})
