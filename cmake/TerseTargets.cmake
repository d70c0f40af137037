# How the project's libraries and programs are declared. All headers share one include root (TerseOptions.cmake);
# tests/rooms/directions checks which folder may include which.

# Every file that includes torch shares one precompiled header: parsing it costs half a minute otherwise. <torch/torch.h>
# would cost each file three times what this part of it does. fmt comes first: LibTorch ships headers of another version.
if(TERSE_TORCH)
  file(WRITE ${CMAKE_BINARY_DIR}/torch_pch.cpp "")
  add_library(terse_torch_pch OBJECT ${CMAKE_BINARY_DIR}/torch_pch.cpp)
  target_link_libraries(terse_torch_pch PUBLIC terse::options terse::fmt terse::torch_cpu)
  target_compile_definitions(terse_torch_pch PRIVATE XXH_INLINE_ALL)
  target_compile_options(terse_torch_pch PRIVATE -Wno-error)
  target_precompile_headers(terse_torch_pch PRIVATE <torch/nn/module.h>)
endif()

function(terse_use_torch target)
  target_link_libraries(${target} PUBLIC terse::torch_cpu)
  target_precompile_headers(${target} REUSE_FROM terse_torch_pch)
endfunction()

# The others share the standard headers that nearly every file includes: parsing them is half of compiling a small file.
file(WRITE ${CMAKE_BINARY_DIR}/common_pch.cpp "")
add_library(terse_common_pch OBJECT ${CMAKE_BINARY_DIR}/common_pch.cpp)
target_link_libraries(terse_common_pch PUBLIC terse::options terse::fmt)
target_precompile_headers(terse_common_pch PRIVATE <algorithm> <array> <chrono> <cmath> <condition_variable> <cstdint>
  <filesystem> <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view> <thread> <vector>
  <fmt/format.h>)

# terse_sources(variable dir... [EXCLUDE dir...]): the .cpp files below the folders, without programs (*_main.cpp).
function(terse_sources variable)
  cmake_parse_arguments(ARG "" "" "EXCLUDE" ${ARGN})
  set(files "")
  foreach(dir ${ARG_UNPARSED_ARGUMENTS})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${TERSE_ROOT}/${dir}/*.cpp)
    list(APPEND files ${found})
  endforeach()
  list(FILTER files EXCLUDE REGEX "_main\\.cpp$")
  foreach(dir ${ARG_EXCLUDE})
    list(FILTER files EXCLUDE REGEX "^${TERSE_ROOT}/${dir}/")
  endforeach()
  set(${variable} "${files}" PARENT_SCOPE)
endfunction()

# terse_library(name [TORCH | TORCH_FILES file...] SOURCES dir... [EXCLUDE dir...] LINK target...): TORCH where every file
# includes torch, TORCH_FILES where only these do. The others must not pay for the header.
function(terse_library name)
  cmake_parse_arguments(LIBRARY "TORCH" "" "SOURCES;EXCLUDE;LINK;TORCH_FILES" ${ARGN})
  terse_sources(files ${LIBRARY_SOURCES} EXCLUDE ${LIBRARY_EXCLUDE})
  add_library(terse_${name} STATIC ${files})
  add_library(terse::${name} ALIAS terse_${name})
  set_target_properties(terse_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(terse_${name} PUBLIC terse::options ${LIBRARY_LINK})
  if(LIBRARY_TORCH OR LIBRARY_TORCH_FILES)
    terse_use_torch(terse_${name})
  else()
    target_precompile_headers(terse_${name} REUSE_FROM terse_common_pch)
  endif()
  if(LIBRARY_TORCH_FILES)
    foreach(file ${files})
      get_filename_component(short ${file} NAME_WE)
      if(NOT short IN_LIST LIBRARY_TORCH_FILES)
        set_source_files_properties(${file} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
      endif()
    endforeach()
  endif()
endfunction()

# terse_program(name MAIN file LINK target...): an executable at the top of the build folder.
function(terse_program name)
  cmake_parse_arguments(PROGRAM "" "" "MAIN;LINK" ${ARGN})
  list(TRANSFORM PROGRAM_MAIN PREPEND ${TERSE_ROOT}/)
  add_executable(${name} ${PROGRAM_MAIN})
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
