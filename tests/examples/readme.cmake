# SPDX-License-Identifier: Apache-2.0
# The README's example does what the README says, on a made-up data set of the name and the form that it asks for.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

set(pairs "")
foreach(user RANGE 1 40)
  foreach(event RANGE 1 8)
    math(EXPR item "(${user} + ${event}) % 20 + 1")
    string(APPEND pairs "${user} ${item}\n")
  endforeach()
endforeach()
file(WRITE ml-1m/ml-1m.txt "${pairs}")
file(REMOVE sasrec.safetensors)

run(${PROGRAM})
require_output("test, full ranking without seen items, 40 users.*hr@5 .*ndcg@10 .*auc ")
if(NOT EXISTS sasrec.safetensors)
  message(FATAL_ERROR "sasrec.safetensors was not written")
endif()
