# The public rooms as a package: headers, libraries, the program, and what find_package(terse) needs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# terse_install_room(name home): headers of `home` as terse/<name>/..., its target into the export.
# A subfolder that is a room of its own is left to that room.
function(terse_install_room name home)
  install(TARGETS terse_${name} EXPORT terseTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${home}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/terse/${name} FILES_MATCHING
          PATTERN "*.h"
          PATTERN ${home}/hdf5 EXCLUDE
          PATTERN ${home}/mpi EXCLUDE
          PATTERN ${home}/reference EXCLUDE
          PATTERN ${home}/torch EXCLUDE)
endfunction()

foreach(name options fmt xxhash hwy mpi)
  set_target_properties(terse_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS terse_${name} EXPORT terseTargets)
endforeach()
terse_install_room(base src/base)
terse_install_room(compressors compressors)
terse_install_room(comm comm)
terse_install_room(comm_mpi comm/mpi)
if(TERSE_TORCH)
  terse_install_room(torch comm/torch)
  # A LibTorch in .venv lies inside the project, where CMake takes no run path from by itself.
  set_target_properties(terse PROPERTIES INSTALL_RPATH ${TERSE_TORCH_DIR}/lib INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS terse RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/terse)
install(EXPORT terseTargets NAMESPACE terse:: DESTINATION ${package_dir})
configure_package_config_file(cmake/terseConfig.cmake.in ${CMAKE_BINARY_DIR}/terseConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/terseConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/terseConfig.cmake ${CMAKE_BINARY_DIR}/terseConfigVersion.cmake
              ${CMAKE_CURRENT_SOURCE_DIR}/cmake/TerseTorch.cmake
        DESTINATION ${package_dir})
