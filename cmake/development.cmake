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

# Warnings are errors, for our own targets only.
add_library(seqrec_warnings INTERFACE)
target_compile_options(
  seqrec_warnings
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror>
            $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow>)

# What an example or a benchmark links: the library, for this machine's processor when SEQREC_NATIVE is on.
add_library(seqrec_program INTERFACE)
target_link_libraries(seqrec_program INTERFACE $<IF:$<BOOL:${SEQREC_NATIVE}>,seqrec::native,seqrec::seqrec>
                                               seqrec_warnings)
# g++ 12 takes its own AVX-512 intrinsics for reads of uninitialised memory (GCC bug 105593).
target_compile_options(seqrec_program INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
