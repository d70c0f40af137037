# A room is one folder of sources with one target and one include root. Its headers are included as
# "terse/<room>/x.h" and found only through ${CMAKE_BINARY_DIR}/include/<room>, which the target carries.
get_filename_component(TERSE_ROOT ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

# Every file that includes torch shares one precompiled header: parsing it costs half a minute otherwise. <torch/torch.h>
# would cost each file three times what this part of it does.
if(TERSE_TORCH)
  file(WRITE ${CMAKE_BINARY_DIR}/torch_pch.cpp "")
  add_library(terse_torch_pch OBJECT ${CMAKE_BINARY_DIR}/torch_pch.cpp)
  target_link_libraries(terse_torch_pch PUBLIC terse::options terse::torch_cpu terse::fmt)
  target_compile_definitions(terse_torch_pch PRIVATE XXH_INLINE_ALL)
  target_compile_options(terse_torch_pch PRIVATE -Wno-error)
  target_precompile_headers(terse_torch_pch PRIVATE <torch/nn/module.h>)
endif()

function(terse_use_torch target)
  target_link_libraries(${target} PUBLIC terse::torch_cpu)
  target_precompile_headers(${target} REUSE_FROM terse_torch_pch)
endfunction()

# The others share one of the headers that nearly every file includes: parsing them is half of compiling a small file.
file(WRITE ${CMAKE_BINARY_DIR}/common_pch.cpp "")
add_library(terse_common_pch OBJECT ${CMAKE_BINARY_DIR}/common_pch.cpp)
target_link_libraries(terse_common_pch PUBLIC terse::options terse::fmt)
target_precompile_headers(terse_common_pch PRIVATE <algorithm> <array> <chrono> <cmath> <condition_variable> <cstdint>
  <filesystem> <functional> <map> <memory> <mutex> <optional> <span> <string> <string_view> <thread> <vector>
  <fmt/format.h>)

# terse_room(name [TORCH | TORCH_FILES file...] SOURCES dir... LINK target...): TORCH where every file includes torch,
# TORCH_FILES where these alone do. The others must not pay for the header.
function(terse_room name)
  cmake_parse_arguments(ROOM "TORCH" "" "SOURCES;LINK;TORCH_FILES" ${ARGN})
  set(files "")
  foreach(dir ${ROOM_SOURCES})
    file(GLOB found CONFIGURE_DEPENDS ${TERSE_ROOT}/${dir}/*.cpp)
    list(APPEND files ${found})
  endforeach()
  list(GET ROOM_SOURCES 0 home)
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${root}/terse)
  file(CREATE_LINK ${TERSE_ROOT}/${home} ${root}/terse/${name} SYMBOLIC)

  if(files)
    add_library(terse_${name} STATIC ${files})
    set(scope PUBLIC)
  else()
    add_library(terse_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(terse::${name} ALIAS terse_${name})
  set_target_properties(terse_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(terse_${name} ${scope} $<BUILD_INTERFACE:${root}> $<INSTALL_INTERFACE:include>)
  target_link_libraries(terse_${name} ${scope} terse::options ${ROOM_LINK})
  if((ROOM_TORCH OR ROOM_TORCH_FILES) AND files)
    terse_use_torch(terse_${name})
  elseif(files)
    target_precompile_headers(terse_${name} REUSE_FROM terse_common_pch)
  endif()
  if(ROOM_TORCH_FILES)
    foreach(file ${files})
      get_filename_component(short ${file} NAME_WE)
      if(NOT short IN_LIST ROOM_TORCH_FILES)
        set_source_files_properties(${file} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
      endif()
    endforeach()
  endif()
endfunction()

# terse_program(name SOURCES dir LINK target...): an executable at the top of the build folder.
function(terse_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;LINK" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${TERSE_ROOT}/${PROGRAM_SOURCES}/*.cpp)
  add_executable(${name} ${files})
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
