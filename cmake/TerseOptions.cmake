# Build type, language level, include root, warnings, sanitizers and the compiler cache, for every target of the project.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
get_filename_component(TERSE_ROOT ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

option(TERSE_WERROR "Treat warnings as errors (for developers; .ci/run turns it on)" OFF)
set(TERSE_SANITIZE "" CACHE STRING "address,undefined or thread; empty for none")

# A header is included as "terse/" + its path in the tree without src/, from the source tree and from an installed copy alike.
set(TERSE_INCLUDE_ROOT ${CMAKE_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${TERSE_INCLUDE_ROOT}/terse)
foreach(folder src/base src/config src/data src/io src/models src/report compressors comm trainers launch)
  get_filename_component(name ${folder} NAME)
  file(CREATE_LINK ${TERSE_ROOT}/${folder} ${TERSE_INCLUDE_ROOT}/terse/${name} SYMBOLIC)
endforeach()

add_library(terse_options INTERFACE)
add_library(terse::options ALIAS terse_options)
target_compile_features(terse_options INTERFACE cxx_std_20)
target_include_directories(terse_options INTERFACE $<BUILD_INTERFACE:${TERSE_INCLUDE_ROOT}> $<INSTALL_INTERFACE:include>)
# GCC warns falsely about instrumented code, so warnings become errors in plain builds only.
set(werror "")
if(TERSE_WERROR AND NOT TERSE_SANITIZE)
  # A precompiled header that does not fit only costs time.
  set(werror -Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-error=invalid-pch>)
endif()
# In builds without optimization GCC does not see that a coroutine's operator new and delete belong together.
set(quiet -Wno-psabi $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Debug>>:-Wno-mismatched-new-delete>)
# Replicas must agree to the bit: no contraction into FMA unless a kernel asks for it. Programs that link terse keep their own flags.
target_compile_options(terse_options INTERFACE
  $<BUILD_INTERFACE:-ffp-contract=off> $<BUILD_INTERFACE:-Wall> $<BUILD_INTERFACE:-Wextra> $<BUILD_INTERFACE:-Wshadow>
  $<BUILD_INTERFACE:${quiet}> $<BUILD_INTERFACE:${werror}>)
if(TERSE_SANITIZE)
  set(flags -fsanitize=${TERSE_SANITIZE} -fno-omit-frame-pointer -O$<IF:$<BOOL:${TERSE_FUZZ}>,2,1> -g1)
  if(TERSE_SANITIZE MATCHES undefined)
    list(APPEND flags -fno-sanitize-recover=undefined)
  endif()
  target_compile_options(terse_options INTERFACE ${flags})
  target_link_options(terse_options INTERFACE ${flags})
  target_compile_definitions(terse_options INTERFACE TERSE_SANITIZED=1)
endif()

find_program(TERSE_CCACHE ccache)
if(TERSE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers are cached only with these sloppiness settings.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${TERSE_CCACHE})
endif()
