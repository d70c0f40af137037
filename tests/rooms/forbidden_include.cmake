# cmake -DCOMPILER= -DHEADER= -DALLOWED= -DROOM_ROOTS=a|b -DOWNER_ROOTS=a|b -P forbidden_include.cmake
cmake_minimum_required(VERSION 3.25)

# Includes one header with the given roots. `found` is YES, or NO when the compiler could not find just that header.
# mode: -fsyntax-only compiles; -E only looks, where parsing LibTorch would take most of a minute.
function(try_include mode header roots found)
  string(REPLACE "|" ";" roots "${roots}")
  list(TRANSFORM roots PREPEND -I)
  execute_process(COMMAND ${COMPILER} -std=c++20 ${mode} -x c++ -include ${header} ${roots} /dev/null
                  OUTPUT_QUIET
                  RESULT_VARIABLE status ERROR_VARIABLE words)
  if(status EQUAL 0)
    set(${found} YES PARENT_SCOPE)
  elseif(words MATCHES "${header}: No such file or directory")
    set(${found} NO PARENT_SCOPE)
  else()
    message(FATAL_ERROR "${header} could not be tried; the compiler said:\n${words}")
  endif()
endfunction()

try_include(-fsyntax-only ${ALLOWED} "${ROOM_ROOTS}" allowed)
if(NOT allowed)
  message(FATAL_ERROR "${ALLOWED} must be within the room's reach, and is not found through ${ROOM_ROOTS}.")
endif()
try_include(-E ${HEADER} "${OWNER_ROOTS}" exists)
if(NOT exists)
  message(FATAL_ERROR "${HEADER} is not found even by the room that owns it, through ${OWNER_ROOTS}.")
endif()
try_include(-fsyntax-only ${HEADER} "${ROOM_ROOTS}" reachable)
if(reachable)
  message(FATAL_ERROR "${HEADER} is forbidden to this room, and it compiles with its include roots ${ROOM_ROOTS}.")
endif()
