# SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDER=DIR [-DURL=...] [-DMD5=...] -P download_movielens.cmake
# Leaves MovieLens-100K in DIR/ml-100k, or fails within seconds. An unpacked copy from before is used as it is.
cmake_minimum_required(VERSION 3.24)

if(NOT DEFINED URL)
  set(URL https://files.grouplens.org/datasets/movielens/ml-100k.zip)
  set(MD5 0e33842e24a9c977be4e0107933c0723)  # as published beside it
endif()
if(EXISTS ${FOLDER}/ml-100k/u.data)
  return()
endif()

set(archive ${FOLDER}/ml-100k.zip)
message(STATUS "downloading ${URL}")
file(DOWNLOAD ${URL} ${archive} TIMEOUT 10 TLS_VERIFY ON STATUS status)
list(POP_FRONT status code words)
if(NOT code EQUAL 0)
  file(REMOVE ${archive})
  message(FATAL_ERROR "no download: ${words}")
endif()
file(MD5 ${archive} found)
if(NOT found STREQUAL MD5)
  file(REMOVE ${archive})
  message(FATAL_ERROR "${URL} has the MD5 sum ${found}, expected ${MD5}")
endif()

# Unpacked beside and moved at the end, so that an interrupted run leaves no half data set behind.
file(REMOVE_RECURSE ${FOLDER}/unpacked)
file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${FOLDER}/unpacked)
if(NOT EXISTS ${FOLDER}/unpacked/ml-100k/u.data)
  message(FATAL_ERROR "${URL} holds no ml-100k/u.data")
endif()
file(RENAME ${FOLDER}/unpacked/ml-100k ${FOLDER}/ml-100k)
file(REMOVE_RECURSE ${FOLDER}/unpacked ${archive})
message(STATUS "MovieLens-100K is GroupLens' data under its own licence: ${FOLDER}/ml-100k/README")
