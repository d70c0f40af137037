# TERSE_CUDA=AUTO|ON|OFF. AUTO takes CUDA when a toolkit and a LibTorch with its CUDA libraries are both there;
# ON without a toolkit is an error. The result is TERSE_WITH_CUDA.
set(TERSE_CUDA AUTO CACHE STRING "AUTO, ON or OFF")
set_property(CACHE TERSE_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT TERSE_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "TERSE_CUDA is '${TERSE_CUDA}'; it must be AUTO, ON or OFF.")
endif()

set(TERSE_WITH_CUDA OFF)
if(NOT TERSE_CUDA STREQUAL OFF)
  find_program(TERSE_NVCC nvcc HINTS ${CUDAToolkit_ROOT}/bin /usr/local/cuda/bin)
  if(TERSE_NVCC)
    set(TERSE_WITH_CUDA ON)
  elseif(TERSE_CUDA STREQUAL ON)
    message(FATAL_ERROR "TERSE_CUDA=ON, but no CUDA toolkit was found (no nvcc on PATH, in /usr/local/cuda/bin or in "
                        "CUDAToolkit_ROOT). Install one, point CUDAToolkit_ROOT at it, or configure with -DTERSE_CUDA=OFF.")
  endif()
endif()
