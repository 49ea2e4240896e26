# SPDX-License-Identifier: Apache-2.0
# cmake -DSOURCE=FILE -P check.cmake -- COMPILER FLAGS...
# Succeeds when FILE does not compile and the compiler's words contain every `// expect: TEXT` of the file.
cmake_minimum_required(VERSION 3.24)

# message(FATAL_ERROR) would break the compiler's lines anew; NOTICE leaves them alone.
function(fail text)
  message(NOTICE "${text}")
  message(FATAL_ERROR "see above")
endfunction()

set(command)
set(after_dashes OFF)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(after_dashes)
    list(APPEND command ${CMAKE_ARGV${i}})
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(after_dashes ON)
  endif()
endforeach()

file(STRINGS ${SOURCE} expectations REGEX "^// expect: .+")
if(NOT expectations)
  fail("${SOURCE}: no `// expect: TEXT` line says what the compiler must answer")
endif()

execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE status OUTPUT_VARIABLE words ERROR_VARIABLE words)
if(status EQUAL 0)
  fail("${SOURCE} compiles, but must not")
endif()
foreach(expectation IN LISTS expectations)
  string(REGEX REPLACE "^// expect: " "" text "${expectation}")
  string(FIND "${words}" "${text}" position)
  if(position EQUAL -1)
    fail("${SOURCE} does not compile, as it should, but nowhere does the compiler say\n  ${text}\nIt says:\n${words}")
  endif()
endforeach()
