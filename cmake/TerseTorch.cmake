# LibTorch as imported targets of ours. The wheel's CMake package requires a CUDA toolkit; a CPU build needs only
# libtorch_cpu and libc10. TERSE_TORCH_DIR is the folder that holds include/ and lib/ (a pip-installed `torch`,
# or an unpacked LibTorch archive). Also used by the installed package, so its errors say what to do.
option(TERSE_TORCH "Build the parts that use LibTorch" ON)
if(TERSE_TORCH)
  if(NOT TERSE_TORCH_DIR)
    file(GLOB candidates ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
    list(POP_FRONT candidates found)
    set(TERSE_TORCH_DIR "${found}" CACHE PATH "Folder of LibTorch that holds include/ and lib/" FORCE)
  endif()
  if(NOT EXISTS "${TERSE_TORCH_DIR}/lib/libtorch_cpu.so")
    message(FATAL_ERROR "No LibTorch in '${TERSE_TORCH_DIR}' (lib/libtorch_cpu.so is missing). Run launch/setup, or configure "
                        "with -DTERSE_TORCH_DIR=DIR where DIR holds include/ and lib/ of LibTorch.")
  endif()
  get_filename_component(torch_parent ${TERSE_TORCH_DIR} DIRECTORY)
  file(GLOB torch_runtime_dirs ${torch_parent}/nvidia/*/lib)

  if(NOT TARGET terse::torch_cpu)
    add_library(terse::c10 SHARED IMPORTED)
    set_target_properties(terse::c10 PROPERTIES IMPORTED_LOCATION ${TERSE_TORCH_DIR}/lib/libc10.so)
    add_library(terse::torch_cpu SHARED IMPORTED)
    set_target_properties(terse::torch_cpu PROPERTIES
      IMPORTED_LOCATION ${TERSE_TORCH_DIR}/lib/libtorch_cpu.so
      INTERFACE_INCLUDE_DIRECTORIES "${TERSE_TORCH_DIR}/include;${TERSE_TORCH_DIR}/include/torch/csrc/api/include"
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${TERSE_TORCH_DIR}/include;${TERSE_TORCH_DIR}/include/torch/csrc/api/include")
    set(rpath_links ${torch_runtime_dirs})
    list(TRANSFORM rpath_links PREPEND "LINKER:-rpath-link,")
    set_property(TARGET terse::torch_cpu PROPERTY INTERFACE_LINK_LIBRARIES terse::c10)
    set_property(TARGET terse::torch_cpu PROPERTY INTERFACE_LINK_OPTIONS "${rpath_links}")
  endif()
endif()
