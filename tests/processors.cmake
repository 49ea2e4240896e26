# SPDX-License-Identifier: Apache-2.0
# seqrec_processor_has(LEVEL RESULT): whether this machine runs programs compiled for -march=LEVEL.
include(CheckCXXSourceRuns)

function(seqrec_processor_has level result)
  set(features_of_x86-64-v3 avx2 fma bmi2)
  set(features_of_x86-64-v4 avx512f avx512bw avx512cd avx512dq avx512vl)
  if(NOT DEFINED features_of_${level})
    message(FATAL_ERROR "SEQREC_TEST_PROCESSORS: unknown level ${level}; known are x86-64-v3 and x86-64-v4")
  endif()
  set(condition 1)
  foreach(feature IN LISTS features_of_${level})
    string(APPEND condition " && __builtin_cpu_supports(\"${feature}\")")
  endforeach()
  check_cxx_source_runs("int main() { return (${condition}) ? 0 : 1; }" SEQREC_RUNS_${level})
  set(${result} ${SEQREC_RUNS_${level}} PARENT_SCOPE)
endfunction()
