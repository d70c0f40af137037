# cmake -DSOURCE_DIR= -DBINARY_DIR= -DCOMPILER= -DCCACHE= -DBUILD_TYPE= -P install_example.cmake
cmake_minimum_required(VERSION 3.25)
set(work ${BINARY_DIR}/install-test)
file(REMOVE_RECURSE ${work})
# A copy, so that no header of the source tree is found.
file(COPY ${SOURCE_DIR}/experiments/example DESTINATION ${work})

function(must_run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${work} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  list(JOIN ARGN " " line)
  message("$ ${line}\n${out}")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "This command failed with ${status}.")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

must_run(${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${work}/prefix)
file(GLOB_RECURSE headers RELATIVE ${work}/prefix/include ${work}/prefix/include/*.h)
foreach(header terse/base/error.h terse/compressors/codec.h terse/comm/transport/communicator.h
        terse/comm/torch/gradient_reducer.h terse/models/model.h terse/trainers/loop/trainer.h)
  if(NOT header IN_LIST headers)
    message(FATAL_ERROR "${header} was not installed; these were: ${headers}")
  endif()
endforeach()
foreach(header IN LISTS headers)
  if(NOT header MATCHES "^terse/(base|config|data|io|report|models|compressors|comm|trainers)/" OR header MATCHES "/reference/")
    message(FATAL_ERROR "${header} is not public, but was installed.")
  endif()
endforeach()

must_run(${work}/prefix/bin/terse --version)
must_run(${CMAKE_COMMAND} -S example -B build -G Ninja -DCMAKE_PREFIX_PATH=${work}/prefix -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
         -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${CCACHE})
must_run(${CMAKE_COMMAND} --build build)
must_run(mpirun -np 2 --oversubscribe --bind-to none build/example)
if(NOT out MATCHES "2 replicas agree")
  message(FATAL_ERROR "The example did not say that its 2 replicas agree.")
endif()
