# SPDX-License-Identifier: Apache-2.0
# What is not ours, read once for each set of flags in the place of once a file: the standard library, Eigen, and Catch2 in
# the tests. Reading these takes g++ almost two seconds a file. A file that leaves out an include of theirs compiles
# all the same then, so the preset `full` does without; one that leaves out an include of ours does not compile either way.

option(SEQREC_PRECOMPILE "Read the headers of the standard library, Eigen and Catch2 once, not once a file" OFF)
mark_as_advanced(SEQREC_PRECOMPILE)

# seqrec_precompile(TARGET [LIBRARY library] [HEADERS header...] [OPTIONS option...])
# Targets that say the same share the result. It is read with the definitions of LIBRARY (seqrec::seqrec), which TARGET has
# to link, and with OPTIONS, which are those that TARGET has.
function(seqrec_precompile target)
  # ccache keeps nothing of what is compiled so.
  if(NOT SEQREC_PRECOMPILE OR CMAKE_CXX_COMPILER_LAUNCHER)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 read "" "LIBRARY" "HEADERS;OPTIONS")
  if(NOT read_LIBRARY)
    set(read_LIBRARY seqrec::seqrec)
  endif()
  string(MAKE_C_IDENTIFIER "seqrec_precompiled_${read_LIBRARY}_${read_HEADERS}_${read_OPTIONS}" once)
  if(NOT TARGET ${once})
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${once}.cpp CONTENT "// SPDX-License-Identifier: Apache-2.0\n")
    add_library(${once} OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/${once}.cpp)
    target_link_libraries(${once} PRIVATE ${read_LIBRARY} seqrec_warnings)
    target_compile_options(${once} PRIVATE ${read_OPTIONS})
    target_precompile_headers(
      ${once} PRIVATE <algorithm> <array> <atomic> <bit> <charconv> <chrono> <cmath> <concepts> <filesystem> <fstream>
      <functional> <iomanip> <iostream> <map> <memory> <mutex> <numeric> <optional> <random> <regex> <set> <span> <sstream>
      <string> <string_view> <thread> <tuple> <type_traits> <unordered_map> <utility> <variant> <vector> <Eigen/Core>
      ${read_HEADERS})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${once})
endfunction()
