# TERSE_CUDA=ON asks for a GPU build. There is no CUDA code in this version, so asking for it is an error rather than a CPU
# build in disguise.
option(TERSE_CUDA "Build for NVIDIA GPUs" OFF)
if(TERSE_CUDA)
  message(FATAL_ERROR "TERSE_CUDA=ON, but this version of terse has no CUDA code and would run on the CPU alone. "
                      "Configure with -DTERSE_CUDA=OFF.")
endif()
