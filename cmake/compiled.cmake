# SPDX-License-Identifier: Apache-2.0
# seqrec::compiled, the optional other way to use the library: the same headers, and a static library of the CPU ops'
# kernels and of whatever else is heavy and the same for every model (core/compiled.hpp), so that each source file that
# trains or serves a model does not compile them anew.
#
# It is never installed as a binary. It is built in the project that links it, with that project's flags, and only where
# something links it. The instruction set must be the same on both sides, or the program does not link; so there are
#
#   seqrec::compiled         for the flags of the whole project (CMAKE_CXX_FLAGS)
#   seqrec::compiled_native  for seqrec::native
#   seqrec_add_compiled(kernels LIBRARIES my_flags)   a library of your own, for flags that my_flags carries
#
# Included by CMakeLists.txt and by the package that `cmake --install` leaves.

set(SEQREC_COMPILED_SCALARS "float;double" CACHE STRING "Element types whose kernels seqrec::compiled holds; others do not link")
mark_as_advanced(SEQREC_COMPILED_SCALARS)

# seqrec_add_compiled(NAME [LIBRARIES library...])
# The libraries' compile options are those of the kernels and of everything that links NAME.
function(seqrec_add_compiled name)
  cmake_parse_arguments(PARSE_ARGV 1 compiled "" "" "LIBRARIES")
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/seqrec_compiled)
  set(sources)
  # One file a group of include/seqrec/cpu/instantiations.hpp and element type: cores share them.
  foreach(scalar IN LISTS SEQREC_COMPILED_SCALARS)
    foreach(group ATTENTION HEAD ROWS)
      string(TOLOWER ${group}_${scalar} stem)
      set(source ${folder}/${stem}.cpp)
      file(CONFIGURE OUTPUT ${source} CONTENT "// SPDX-License-Identifier: Apache-2.0
#define SEQREC_COMPILED
#include \"seqrec/cpu/instantiations.hpp\"
namespace seqrec::cpu {
SEQREC_CPU_OPS_${group}(template, ${scalar})
}
")
      list(APPEND sources ${source})
    endforeach()
  endforeach()
  # And one for what is not a kernel: readers, batches, metrics, files, the run of a trainer.
  set(source ${folder}/bodies.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// SPDX-License-Identifier: Apache-2.0
#define SEQREC_COMPILED
#define SEQREC_COMPILING
#include \"seqrec/cpu.hpp\"
#include \"seqrec/seqrec.hpp\"
")
  list(PREPEND sources ${source})  # it takes longest
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(${name} PUBLIC seqrec::seqrec ${compiled_LIBRARIES})
  target_compile_definitions(${name} INTERFACE SEQREC_COMPILED)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF UNITY_BUILD OFF)
endfunction()

# Two projects in one build may both look for the package.
if(NOT TARGET seqrec_compiled)
  seqrec_add_compiled(seqrec_compiled)
  seqrec_add_compiled(seqrec_compiled_native LIBRARIES seqrec::native)
  add_library(seqrec::compiled ALIAS seqrec_compiled)
  add_library(seqrec::compiled_native ALIAS seqrec_compiled_native)
endif()
