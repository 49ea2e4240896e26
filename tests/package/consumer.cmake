# SPDX-License-Identifier: Apache-2.0
# What every consumer does around the line that brings seqrec in: it remembers its own settings before, and afterwards
# checks that they are untouched, that the targets are there under the same names and that nothing of ours is built.

enable_testing()
set(CMAKE_CXX_FLAGS "-DCONSUMER_FLAG")  # a setting of the consumer's own

set(watched_variables CMAKE_CXX_FLAGS CMAKE_CXX_FLAGS_RELEASE CMAKE_CXX_FLAGS_DEBUG CMAKE_BUILD_TYPE CMAKE_CXX_STANDARD
                      CMAKE_CXX_EXTENSIONS CMAKE_CXX_COMPILER_LAUNCHER CMAKE_EXE_LINKER_FLAGS CMAKE_MODULE_PATH
                      BUILD_TESTING BUILD_SHARED_LIBS CMAKE_CUDA_ARCHITECTURES)
set(watched_properties COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES LINK_OPTIONS LINK_LIBRARIES)

function(snapshot result)
  set(state)
  foreach(variable IN LISTS watched_variables)
    string(APPEND state "${variable}=[${${variable}}] cache=[$CACHE{${variable}}]\n")
  endforeach()
  foreach(property IN LISTS watched_properties)
    get_property(value DIRECTORY PROPERTY ${property})
    string(APPEND state "${property}=[${value}]\n")
  endforeach()
  set(${result} "${state}" PARENT_SCOPE)
endfunction()

function(all_targets directory result)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(subdirectories DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(subdirectory IN LISTS subdirectories)
    all_targets(${subdirectory} below)
    list(APPEND targets ${below})
  endforeach()
  set(${result} ${targets} PARENT_SCOPE)
endfunction()

snapshot(before)

macro(check_and_build_consumer)
  snapshot(after)
  if(NOT before STREQUAL after)
    message(FATAL_ERROR "seqrec changed the settings of the project that uses it\nbefore:\n${before}\nafter:\n${after}")
  endif()
  foreach(name seqrec native compiled compiled_native)
    if(NOT TARGET seqrec::${name})
      message(FATAL_ERROR "there is no target seqrec::${name}")
    endif()
  endforeach()
  find_package(CUDAToolkit QUIET)
  if(CUDAToolkit_NVCC_EXECUTABLE AND NOT TARGET seqrec::cuda AND NOT SEQREC_INSTALLED_WITHOUT_CUDA)
    message(FATAL_ERROR "there is a CUDA toolkit, but no target seqrec::cuda")
  endif()
  # LightGBM is taken from where it is, and downloaded only for who asks.
  if(SEQREC_LIGHTGBM_LIBRARY AND NOT TARGET seqrec::lightgbm)
    message(FATAL_ERROR "there is a LightGBM, ${SEQREC_LIGHTGBM_LIBRARY}, but no target seqrec::lightgbm")
  elseif(NOT SEQREC_LIGHTGBM_LIBRARY AND TARGET seqrec::lightgbm)
    message(FATAL_ERROR "seqrec::lightgbm is there, but nobody said where LightGBM is")
  endif()
  # As a subproject seqrec brings its libraries along, and no test, example or benchmark.
  all_targets(${CMAKE_CURRENT_SOURCE_DIR} targets)
  list(REMOVE_ITEM targets seqrec seqrec_native seqrec_cuda seqrec_compiled seqrec_compiled_native seqrec_lightgbm)
  if(targets)
    message(FATAL_ERROR "seqrec adds targets to the project that uses it: ${targets}")
  endif()

  find_package(ZLIB QUIET)
  set(gzip plain)
  if(ZLIB_FOUND AND (NOT DEFINED SEQREC_ENABLE_ZLIB OR SEQREC_ENABLE_ZLIB))
    set(gzip gzip)
  endif()
  foreach(name seqrec native)
    add_executable(consumer_${name} ../main.cpp)
    target_link_libraries(consumer_${name} PRIVATE seqrec::${name})
    add_test(NAME ${name} COMMAND consumer_${name} ${SEQREC_VERSION} ${gzip})
  endforeach()
endmacro()

# A program that computes: header-only, and with the kernels in a library for flags of one's own. One of the ways
# is enough, because it takes half a minute to compile.
macro(build_computing_consumers)
  add_library(my_flags INTERFACE)
  target_compile_definitions(my_flags INTERFACE MY_FLAG)
  seqrec_add_compiled(my_kernels LIBRARIES my_flags)
  foreach(library seqrec::seqrec my_kernels)
    string(MAKE_C_IDENTIFIER computes_${library} name)
    add_executable(${name} ../computes.cpp)
    target_link_libraries(${name} PRIVATE ${library})
    add_test(NAME ${name} COMMAND ${name} ${library})
  endforeach()
endmacro()

# A program with trees, where there is a LightGBM.
macro(build_trees_consumer)
  if(TARGET seqrec::lightgbm)
    add_executable(trees ../trees.cpp)
    target_link_libraries(trees PRIVATE seqrec::lightgbm)
    add_test(NAME trees COMMAND trees)
  endif()
endmacro()
