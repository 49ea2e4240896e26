# SPDX-License-Identifier: Apache-2.0
# Candidates are drawn once, kept, met again by later runs, and refused when somebody changed them.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE lists)
set(trainer ${TRAINER} --quick --epochs 1 --candidate-dir lists)
run(${trainer} --json first.json)
file(GLOB files lists/*.txt)
list(LENGTH files count)
if(NOT count EQUAL 2)
  message(FATAL_ERROR "lists/ holds '${files}', expected one file for validation and one for test")
endif()
list(GET files 0 changed)

run(${trainer} --json second.json --seed 5)
foreach(name IN ITEMS first second)
  file(READ ${name}.json json)
  string(JSON ${name} GET "${json}" protocol candidates)
endforeach()
if(NOT first STREQUAL second)
  message(FATAL_ERROR "two runs met different candidates:\n${first}\n${second}")
endif()

# Item 1 becomes item 2, or the other way round, in the last user's list.
file(READ ${changed} text)
string(REGEX REPLACE "1\n$" "2\n" other "${text}")
if(other STREQUAL text)
  string(REGEX REPLACE "[0-9]\n$" "1\n" other "${text}")
endif()
file(WRITE ${changed} "${other}")
run_wrong("error: lists/.*hash of the lists is" ${trainer})
