# The libraries as a package: headers, archives, the programs, and what find_package(terse) needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(libraries options fmt xxhash hwy json mpi libhdf5 base hdf5 config data io report compressors comm comm_mpi)
set(folders src/base src/config src/data src/io src/report compressors comm)
if(TERSE_TORCH)
  list(APPEND libraries torch models trainers)
  list(APPEND folders src/models trainers)
endif()

# terse::terse: everything that a program of one's own may use.
add_library(terse_all INTERFACE)
add_library(terse::terse ALIAS terse_all)
set_target_properties(terse_all PROPERTIES EXPORT_NAME terse)
foreach(name ${libraries})
  set_target_properties(terse_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(terse_all INTERFACE terse::${name})
  install(TARGETS terse_${name} EXPORT terseTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
install(TARGETS terse_all EXPORT terseTargets)

set(no_torch "")
if(NOT TERSE_TORCH)
  set(no_torch PATTERN comm/torch EXCLUDE)
endif()
foreach(folder ${folders})
  string(REGEX REPLACE "^src/" "" path ${folder})
  install(DIRECTORY ${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/terse/${path} FILES_MATCHING
          PATTERN "*.h"
          PATTERN compressors/reference EXCLUDE
          ${no_torch})
endforeach()

if(TERSE_TORCH)
  foreach(program terse terse-bench)
    # A LibTorch in .venv lies inside the project, where CMake takes no run path from by itself.
    set_target_properties(${program} PROPERTIES INSTALL_RPATH ${TERSE_TORCH_DIR}/lib INSTALL_RPATH_USE_LINK_PATH ON)
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endforeach()
  install(FILES experiments/data/mnist-mini.h5 DESTINATION ${CMAKE_INSTALL_DATADIR}/terse)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/terse)
install(EXPORT terseTargets NAMESPACE terse:: DESTINATION ${package_dir})
configure_package_config_file(cmake/terseConfig.cmake.in ${CMAKE_BINARY_DIR}/terseConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/terseConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/terseConfig.cmake ${CMAKE_BINARY_DIR}/terseConfigVersion.cmake
              ${CMAKE_CURRENT_SOURCE_DIR}/cmake/TerseTorch.cmake
        DESTINATION ${package_dir})
