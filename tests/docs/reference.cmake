# SPDX-License-Identifier: Apache-2.0
# cmake -DDOXYGEN=PROGRAM -DSOURCE=TREE -DOUTPUT=FOLDER -P reference.cmake
# Runs Doxygen over the public headers. Every type and every free function has a comment; a member may go without, where
# its name says it all; any other warning fails.
cmake_minimum_required(VERSION 3.24)

set(log ${OUTPUT}/warnings.log)
file(MAKE_DIRECTORY ${OUTPUT})
file(REMOVE ${log})
file(CONFIGURE OUTPUT ${OUTPUT}/Doxyfile @ONLY CONTENT "\
@INCLUDE = @SOURCE@/docs/Doxyfile
OUTPUT_DIRECTORY = @OUTPUT@
WARN_LOGFILE = @log@
WARN_AS_ERROR = NO
WARN_IF_UNDOCUMENTED = YES
")
execute_process(COMMAND ${DOXYGEN} ${OUTPUT}/Doxyfile WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "doxygen failed with ${status}")
endif()
if(NOT EXISTS ${log} OR NOT EXISTS ${OUTPUT}/html/index.html)
  message(FATAL_ERROR "doxygen wrote nothing")
endif()

file(STRINGS ${log} warnings)
list(FILTER warnings EXCLUDE REGEX ": warning: Member .* of (struct|class|union) .* is not documented\\.$")
if(warnings)
  list(JOIN warnings "\n" text)
  message(NOTICE "${text}")
  message(FATAL_ERROR "doxygen warns, see above")
endif()
