# SPDX-License-Identifier: Apache-2.0
# Everything of the CUDA backend that launches kernels, to be instantiated by hand: nvcc compiles the kernels so, and the
# tests' own compiler compiles the emulated ones once for all test programs.

file(GLOB_RECURSE SEQREC_CUDA_HEADERS CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/*.cuh)
list(TRANSFORM SEQREC_CUDA_HEADERS REPLACE "(.+)" "#include \"\\1\"\n" OUTPUT_VARIABLE SEQREC_CUDA_INCLUDES)
list(JOIN SEQREC_CUDA_INCLUDES "" SEQREC_CUDA_INCLUDES)

# Ops over a type of their own come by hand.
set(SEQREC_CUDA_OPS
    "void optimizer_step(BasicContext<S>&, const OptimizerStep<BasicContext<S>, Adam>&)"
    "void sampled_loss(BasicContext<S>&, const SampledLoss<BasicContext<S>, BinaryCrossEntropy>&)"
    "void sampled_loss(BasicContext<S>&, const SampledLoss<BasicContext<S>, SampledSoftmax>&)"
    "void sampled_loss(BasicContext<S>&, const SampledLoss<BasicContext<S>, BprMax>&)")
foreach(header IN LISTS SEQREC_CUDA_HEADERS)
  file(READ ${PROJECT_SOURCE_DIR}/include/${header} text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/${header})
  string(REGEX MATCHALL "\nvoid [a-z_]+\\(BasicContext<S>&[ a-z]*,[ \n]+const [A-Za-z]+<BasicContext<S>>& a\\)" ops "${text}")
  list(TRANSFORM ops REPLACE "\n" " ")
  list(APPEND SEQREC_CUDA_OPS ${ops})
endforeach()

# The same in two parts of about equal size, for two cores.
set(SEQREC_CUDA_OPS_0)
set(SEQREC_CUDA_OPS_1)
set(half 0)
foreach(op IN LISTS SEQREC_CUDA_OPS)
  list(APPEND SEQREC_CUDA_OPS_${half} ${op})
  math(EXPR half "1 - ${half}")
endforeach()

# seqrec_cuda_instantiations(RESULT BEFORE SCALAR op...): the text of a file that says BEFORE ("template") of each op.
function(seqrec_cuda_instantiations result before scalar)
  set(lines ${ARGN})
  list(TRANSFORM lines STRIP)
  list(TRANSFORM lines REPLACE "<S>" "<${scalar}>")
  list(TRANSFORM lines REPLACE "(.+)" "${before} \\1\\\\;\n")
  list(JOIN lines "" lines)
  set(${result} "// SPDX-License-Identifier: Apache-2.0
${SEQREC_CUDA_INCLUDES}#include \"seqrec/optim/adam.hpp\"
#include \"seqrec/ops/session_losses.hpp\"
namespace seqrec::cuda {
${lines}}
" PARENT_SCOPE)
endfunction()
