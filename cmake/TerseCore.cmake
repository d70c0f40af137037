# Dependencies of the torch-free libraries: threads, fmt, xxHash and Highway, as targets of ours.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(hwy REQUIRED)
find_path(TERSE_XXHASH_INCLUDE xxhash.h REQUIRED)

# Links the library instead of using fmt header-only: compiling its implementation would double the time of a small file.
# LibTorch ships headers of another version, so fmt has an include root of ours that comes first. The installed package has
# none: its users' files take whichever version they find, which works because each has its own namespace.
get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/libfmt)
file(CREATE_LINK ${fmt_include}/fmt ${CMAKE_BINARY_DIR}/libfmt/fmt SYMBOLIC)
add_library(terse_fmt INTERFACE)
add_library(terse::fmt ALIAS terse_fmt)
target_include_directories(terse_fmt SYSTEM INTERFACE $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/libfmt>)
target_link_libraries(terse_fmt INTERFACE fmt::fmt $<INSTALL_INTERFACE:fmt::fmt-header-only>)

add_library(terse_xxhash INTERFACE)
add_library(terse::xxhash ALIAS terse_xxhash)
target_compile_definitions(terse_xxhash INTERFACE XXH_INLINE_ALL)

# Kernels are compiled for AVX-512, AVX2, NEON and the baseline. SSSE3 and SSE4 would add code and no speed, and SVE vectors,
# which GCC would add, have no fixed size and cannot be members.
add_library(terse_hwy INTERFACE)
add_library(terse::hwy ALIAS terse_hwy)
target_link_libraries(terse_hwy INTERFACE hwy::hwy)
target_compile_definitions(terse_hwy INTERFACE
  "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
