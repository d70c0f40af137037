# Dependencies, as targets of ours, so that the libraries are declared alike on every distribution.
include(TerseCore)
find_package(Boost 1.74 REQUIRED CONFIG COMPONENTS program_options)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
include(TerseTorch)

add_library(terse_json INTERFACE)
add_library(terse::json ALIAS terse_json)
target_link_libraries(terse_json INTERFACE nlohmann_json::nlohmann_json)

add_library(terse_mpi INTERFACE)
add_library(terse::mpi ALIAS terse_mpi)
target_link_libraries(terse_mpi INTERFACE MPI::MPI_C)
target_compile_definitions(terse_mpi INTERFACE OMPI_SKIP_MPICXX)

add_library(terse_libhdf5 INTERFACE)
add_library(terse::libhdf5 ALIAS terse_libhdf5)
target_include_directories(terse_libhdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(terse_libhdf5 INTERFACE ${HDF5_C_LIBRARIES})
