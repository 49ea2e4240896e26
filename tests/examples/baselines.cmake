# SPDX-License-Identifier: Apache-2.0
# The baselines' result file: a list of objects like those of trained models, in order of what the baselines know.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

# check_runs(JSON PART METRIC): three baselines, each better than the one before by this metric.
function(check_runs json part metric)
  string(JSON count LENGTH "${json}" runs)
  if(NOT count EQUAL 3)
    message(FATAL_ERROR "there are ${count} runs, expected 3")
  endif()
  set(last 0)
  foreach(i RANGE 2)
    string(JSON run GET "${json}" runs ${i})
    foreach(path IN ITEMS "model" "dataset;hash" "dataset;split_hash" "protocol;split" "protocol;ties" "options;model"
                          "versions;seqrec" "seconds" "validation;ndcg@10" "test;map@20" "test_full;precision@5"
                          "calibration;scale")
      string(JSON value GET "${run}" ${path})  # an error if it is not there
    endforeach()
    string(JSON value GET "${run}" ${part} ${metric})
    if(NOT value GREATER last)
      message(FATAL_ERROR "${part} ${metric} of run ${i} is ${value}, expected more than ${last}:\n${json}")
    endif()
    set(last ${value})
  endforeach()
endfunction()

run(${BASELINES} --quick --candidate-dir lists --json sampled.json)
require_output("SYNTHETIC DATA.*popularity .*item-kNN .*transition-kNN .*a constant has log loss 0.0560")
file(READ sampled.json sampled)
check_runs("${sampled}" test hr@10)
check_runs("${sampled}" test_full ndcg@10)
check_runs("${sampled}" test_clicks pooled_auc)
string(JSON entropy GET "${sampled}" runs 2 test_clicks normalised_entropy)
if(NOT entropy LESS 0.9)
  message(FATAL_ERROR "the normalised entropy of transition-kNN is ${entropy}, expected less than 0.9")
endif()

# Full ranking: no clicks, and one table row a baseline.
run(${BASELINES} --quick --candidates full --json full.json)
file(READ full.json full)
check_runs("${full}" test auc)
string(JSON type TYPE "${full}" runs 0 test_clicks)
if(NOT type STREQUAL "NULL" OR output MATCHES "log loss")
  message(FATAL_ERROR "--candidates full: test_clicks is ${type}, and the program said\n${output}")
endif()

# Options reach the baselines.
run(${BASELINES} --quick --candidates full --decay 0.5 --neighbours 7 --json other.json)
file(READ other.json other)
string(JSON decay GET "${other}" runs 2 options model decay)
string(JSON neighbours GET "${other}" runs 1 options model neighbours)
foreach(i RANGE 1 2)
  string(JSON before GET "${full}" runs ${i} test)
  string(JSON after GET "${other}" runs ${i} test)
  if(after STREQUAL before OR NOT decay EQUAL 0.5 OR NOT neighbours EQUAL 7)
    message(FATAL_ERROR "--decay 0.5 --neighbours 7 changed nothing:\n${other}")
  endif()
endforeach()

run_wrong("error: --decay is '0', expected a number in .0, 1." ${BASELINES} --quick --decay 0)
run_wrong("error: --decay is '1.5', expected a number in .0, 1." ${BASELINES} --quick --decay 1.5)
run_wrong("error: --neighbours is '-1', expected a whole number of at least 0" ${BASELINES} --quick --neighbours -1)
