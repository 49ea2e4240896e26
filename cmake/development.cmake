# SPDX-License-Identifier: Apache-2.0
# What only our own tests, examples and benchmarks get. Nothing here reaches a user of the library.

# Header-only numerical code without optimisation is ten times slower; nobody means to ask for that by leaving it out.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set_property(CACHE CMAKE_BUILD_TYPE PROPERTY VALUE Release)
  message(STATUS "seqrec: no build type given, Release chosen")
endif()

# Two cores and many templates: the second build should not pay for the first one again.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SEQREC_CCACHE ccache)
  mark_as_advanced(SEQREC_CCACHE)
  if(SEQREC_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${SEQREC_CCACHE})
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${SEQREC_CCACHE})
  endif()
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

# Warnings, for our own targets only; errors where we test with compilers that we know (the presets for development and
# .ci/run), because a user's newer compiler may well warn of something new. Who builds the library as a part of a project
# of his own sees our headers through his warnings, so these are more than we would ask of ourselves. Three are off: g++ 12
# takes its own AVX-512 intrinsics, and its own <regex> under the address sanitizer, for reads of uninitialised memory (GCC
# bug 105593), and its own std::string for overlapping copies (GCC bug 105651).
option(SEQREC_WARNINGS_AS_ERRORS "Warnings of our own targets are errors" OFF)
mark_as_advanced(SEQREC_WARNINGS_AS_ERRORS)
add_library(seqrec_warnings INTERFACE)
target_compile_options(
  seqrec_warnings
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                                             -Wold-style-cast -Wdouble-promotion>
            $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${SEQREC_WARNINGS_AS_ERRORS}>>:-Werror>
            $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wuseless-cast -Wno-uninitialized -Wno-maybe-uninitialized -Wno-restrict>
            $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow,-Wno-uninitialized,-Wno-maybe-uninitialized,-Wno-restrict>
            $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${SEQREC_WARNINGS_AS_ERRORS}>>:-Werror=all-warnings>)

# The kernels of seqrec::compiled are our own code here, warnings and all.
foreach(target seqrec_compiled seqrec_compiled_native)
  target_link_libraries(${target} PRIVATE seqrec_warnings)
  # clang-tidy would have functions in a header inline. There they are, but for the one file that compiles their bodies.
  if(CMAKE_CXX_CLANG_TIDY)
    set_property(TARGET ${target} PROPERTY CXX_CLANG_TIDY ${CMAKE_CXX_CLANG_TIDY} --checks=-misc-definitions-in-headers)
  endif()
endforeach()

include(${CMAKE_CURRENT_LIST_DIR}/precompiled.cmake)

# What an example or a benchmark links: the library, for this machine's processor when SEQREC_NATIVE is on, its kernels
# compiled once.
add_library(seqrec_program INTERFACE)
target_link_libraries(seqrec_program
                      INTERFACE $<IF:$<BOOL:${SEQREC_NATIVE}>,seqrec::compiled_native,seqrec::compiled> seqrec_warnings)
