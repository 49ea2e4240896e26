# SPDX-License-Identifier: Apache-2.0
# docs/results.md is what the results and the text around them make.
set(page ${CMAKE_CURRENT_BINARY_DIR}/results.md)
execute_process(
  COMMAND ${PROGRAM} --list examples/compare/movielens.json --dry-run --text examples/compare/results.md --page ${page}
  WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${output}")
endif()
file(READ ${page} made)
file(READ ${SOURCE}/docs/results.md committed)
if(NOT made STREQUAL committed)
  message(FATAL_ERROR "docs/results.md is not what examples/compare/results.md and movielens.jsonl make, ${page}; write it again by "
                      "the command that it names")
endif()

# Every picture that it shows is there.
string(REGEX MATCHALL "results/[a-z0-9-]+\\.svg" pictures "${made}")
if(NOT pictures)
  message(FATAL_ERROR "docs/results.md shows no picture")
endif()
foreach(picture IN LISTS pictures)
  if(NOT EXISTS ${SOURCE}/docs/${picture})
    message(FATAL_ERROR "docs/results.md shows ${picture}, which is not there")
  endif()
endforeach()
