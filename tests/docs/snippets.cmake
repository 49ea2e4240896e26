# SPDX-License-Identifier: Apache-2.0
# cmake -DDOCUMENT=FILE -DSOURCES=FOLDER -P snippets.cmake
# A document's code is a copy of a region of a compiled file. In the document the copy stands behind a marker:
#     <!-- snippet: NAME -->
#     ```cpp
#     ...
#     ```
# and in a source file below FOLDER the region lies between two lines `// [NAME]`; its common indentation is dropped.
cmake_minimum_required(VERSION 3.24)

# message(FATAL_ERROR) would break the code's lines anew; NOTICE leaves them alone.
function(fail text)
  message(NOTICE "${text}")
  message(FATAL_ERROR "see above")
endfunction()

file(READ ${DOCUMENT} document)
file(GLOB_RECURSE sources ${SOURCES}/*.cpp ${SOURCES}/*.cu)

# The region NAME of the first file that has one, without its indentation.
function(read_region name result)
  set(${result} "" PARENT_SCOPE)
  foreach(source IN LISTS sources)
    file(READ ${source} text)
    set(marker "// [${name}]\n")
    string(FIND "${text}" "${marker}" first)
    string(FIND "${text}" "${marker}" last REVERSE)
    if(first EQUAL last)
      continue()
    endif()
    string(LENGTH "${marker}" marker_length)
    math(EXPR begin "${first} + ${marker_length}")
    math(EXPR length "${last} - ${begin}")
    string(SUBSTRING "${text}" ${begin} ${length} region)
    string(REGEX REPLACE "\n *$" "\n" region "${region}")  # the indentation of the closing marker
    while(NOT "\n${region}" MATCHES "\n[^ \n]" AND region MATCHES " ")
      string(REGEX REPLACE "\n " "\n" region "\n${region}")
      string(SUBSTRING "${region}" 1 -1 region)
    endwhile()
    set(${result} "${region}" PARENT_SCOPE)
    return()
  endforeach()
endfunction()

set(count 0)
set(rest "${document}")
while(TRUE)
  string(REGEX MATCH "<!-- snippet: ([a-z_0-9]+) -->\n```cpp\n" opening "${rest}")
  if(NOT opening)
    break()
  endif()
  set(name ${CMAKE_MATCH_1})
  string(FIND "${rest}" "${opening}" begin)
  string(LENGTH "${opening}" length)
  math(EXPR begin "${begin} + ${length}")
  string(SUBSTRING "${rest}" ${begin} -1 rest)
  string(FIND "${rest}" "```" end)
  string(SUBSTRING "${rest}" 0 ${end} shown)

  read_region(${name} region)
  if(region STREQUAL "")
    fail("${DOCUMENT}: no file marks a region with two lines `// [${name}]`")
  elseif(NOT region STREQUAL shown)
    fail("${name}: the document shows\n${shown}\nbut the source says\n${region}")
  endif()
  math(EXPR count "${count} + 1")
endwhile()
if(count EQUAL 0)
  fail("${DOCUMENT} has no snippet")
endif()
message(STATUS "${count} snippets agree with their sources")
