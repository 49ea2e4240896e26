# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it: running programs, in whose working folder they stand, and looking into results.
cmake_minimum_required(VERSION 3.24)

# run(PROGRAM options...): must succeed; leaves `output`, both streams together.
macro(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ended with ${status}\n${output}")
  endif()
endmacro()

# run_wrong(REGEX PROGRAM options...): must fail, and say why.
macro(run_wrong expected)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(status EQUAL 0)
    message(FATAL_ERROR "${ARGN}: succeeded, expected an error that matches\n${expected}")
  elseif(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "${ARGN}: said\n${output}\nexpected a match of\n${expected}")
  endif()
endmacro()

function(require_output pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "said\n${output}\nexpected a match of\n${pattern}")
  endif()
endfunction()

function(forbid_output pattern)
  if(output MATCHES "${pattern}")
    message(FATAL_ERROR "said\n${output}\nexpected no match of\n${pattern}")
  endif()
endfunction()
