# SPDX-License-Identifier: Apache-2.0
# Several sources as one translation unit, each in a namespace of its own: what they all instantiate (models, trainer,
# Catch2's and the library's templates) is then compiled once, not once a file. That is most of a full build's time.
#
# A generated file first includes all that its sources include, so that their own include lines do nothing any more,
# and then the sources. It follows that a test compiled this way proves nothing about include lines: tests/headers does.

option(SEQREC_TEST_UNITY "Compile several tests as one file: faster as a whole, slower after a change to one test" OFF)
set(SEQREC_TEST_UNITY_SIZE 14 CACHE STRING "Sources in one file at most")
mark_as_advanced(SEQREC_TEST_UNITY_SIZE)

# seqrec_join(RESULT PREFIX SUFFIX source...): generates PREFIX_0SUFFIX, PREFIX_1SUFFIX ... and lists them in RESULT.
# Files of about equal size, so that cores share them well. A source that opens a named namespace itself, or has an #if or
# #define, or says that kernels are compiled elsewhere, stays a file of its own.
function(seqrec_join result prefix suffix)
  set(generated)
  set(joined)
  foreach(source IN LISTS ARGN)
    file(STRINGS ${source} own_way REGEX "^(namespace [A-Za-z]|#if|#define|#include .*instantiations.hpp)")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    if(own_way)
      seqrec_write_joined(${prefix} ${suffix} ${source})
    else()
      list(APPEND joined ${source})
    endif()
  endforeach()
  list(LENGTH joined left)
  math(EXPR files "(${left} + ${SEQREC_TEST_UNITY_SIZE} - 1) / ${SEQREC_TEST_UNITY_SIZE}")
  set(first 0)
  while(left GREATER 0)
    math(EXPR size "(${left} + ${files} - 1) / ${files}")
    list(SUBLIST joined ${first} ${size} batch)
    seqrec_write_joined(${prefix} ${suffix} ${batch})
    math(EXPR first "${first} + ${size}")
    math(EXPR left "${left} - ${size}")
    math(EXPR files "${files} - 1")
  endwhile()
  set(${result} ${generated} PARENT_SCOPE)
endfunction()

# Writes one generated file and appends it to the caller's `generated`. A single source is included as it is.
macro(seqrec_write_joined prefix suffix)
  list(LENGTH generated number)
  set(file ${prefix}_${number}${suffix})
  seqrec_joined_content(content ${ARGN})
  file(CONFIGURE OUTPUT ${file} CONTENT "${content}" @ONLY)
  list(APPEND generated ${file})
endmacro()

function(seqrec_joined_content result)
  set(includes)
  set(bodies)
  list(LENGTH ARGN size)
  foreach(source IN LISTS ARGN)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE path)
    if(size EQUAL 1)
      string(APPEND bodies "#include \"${source}\"\n")
      continue()
    endif()
    file(STRINGS ${source} lines REGEX "^#include ")
    list(APPEND includes ${lines})
    string(MAKE_C_IDENTIFIER ${path} name)
    string(APPEND bodies "namespace ${name} {\n#include \"${source}\"\n}\n")
  endforeach()
  list(REMOVE_DUPLICATES includes)
  list(JOIN includes "\n" includes)
  set(${result} "// SPDX-License-Identifier: Apache-2.0\n${includes}\n${bodies}" PARENT_SCOPE)
endfunction()
