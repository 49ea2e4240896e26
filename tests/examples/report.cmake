# SPDX-License-Identifier: Apache-2.0
# Result files hold what is promised, and the same seed gives the same results on any number of threads.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

set(metrics hr@5 hr@10 hr@20 ndcg@5 ndcg@10 ndcg@20 mrr@5 mrr@10 mrr@20 recall@5 recall@10 recall@20
            map@5 map@10 map@20 precision@5 precision@10 precision@20 auc)

# check_run(JSON): one model's object.
function(check_run json)
  foreach(path IN ITEMS "title" "model" "dataset;name" "dataset;users" "dataset;items" "dataset;interactions" "dataset;hash"
                        "dataset;split_hash" "protocol;split" "protocol;test" "protocol;ties" "protocol;selection"
                        "seed" "options;model;width" "options;objective" "options;training;learning_rate"
                        "versions;seqrec" "versions;eigen" "versions;compiler" "versions;float_lanes" "seconds")
    string(JSON value GET "${json}" ${path})  # an error if it is not there
  endforeach()
  foreach(part IN ITEMS validation test test_full)
    foreach(metric IN LISTS metrics)
      string(JSON value GET "${json}" ${part} ${metric})
      if(value LESS 0 OR value GREATER 1)
        message(FATAL_ERROR "${part} ${metric} is ${value}, expected 0 .. 1")
      endif()
    endforeach()
    string(JSON count LENGTH "${json}" ${part})
    if(NOT count EQUAL 19)
      message(FATAL_ERROR "${part} has ${count} members, expected 19")
    endif()
  endforeach()
  # Sampled candidates are clicks too, and of users with as many impressions each GAUC is the mean of their AUCs.
  string(JSON candidates TYPE "${json}" protocol candidates)
  string(JSON clicks TYPE "${json}" test_clicks)
  if(NOT clicks STREQUAL candidates)
    message(FATAL_ERROR "protocol candidates are ${candidates}, test_clicks ${clicks}")
  endif()
  if(clicks STREQUAL "OBJECT")
    foreach(metric IN ITEMS impressions positives pooled_auc user_auc gauc log_loss base_rate_log_loss
                            normalised_entropy)
      string(JSON value GET "${json}" test_clicks ${metric})
    endforeach()
    string(JSON value GET "${json}" calibration scale)
  endif()
endfunction()

# what_counts(JSON RESULT): a result without what may differ from run to run.
function(what_counts json result)
  set(text "")
  foreach(part IN ITEMS dataset protocol options validation test test_full test_clicks)
    string(JSON value GET "${json}" ${part})
    string(APPEND text "${value}\n")
  endforeach()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# Sampled candidates.
run(${TRAINER} --quick --epochs 2 --threads 1 --json one.json --checkpoint one.safetensors)
require_output("SYNTHETIC DATA")
file(READ one.json one)
check_run("${one}")
string(JSON negatives GET "${one}" protocol candidates negatives)
string(JSON sampled GET "${one}" test hr@10)
string(JSON full GET "${one}" test_full hr@10)
if(NOT negatives EQUAL 99 OR NOT sampled GREATER full)
  message(FATAL_ERROR "among 1 + ${negatives}, HR@10 is ${sampled}, in the full ranking ${full}; expected it to be easier")
endif()

# The same on two threads, to the last bit, the checkpoint too; each user's rank on request.
string(JSON value ERROR_VARIABLE missing GET "${one}" users)
if(NOT missing)
  message(FATAL_ERROR "the result has users without --per-user")
endif()
run(${TRAINER} --quick --epochs 2 --threads 2 --per-user --json two.json --checkpoint two.safetensors)
file(READ two.json two)
what_counts("${one}" expected)
what_counts("${two}" found)
file(SHA256 one.safetensors expected_weights)
file(SHA256 two.safetensors found_weights)
if(NOT found STREQUAL expected OR NOT found_weights STREQUAL expected_weights)
  message(FATAL_ERROR "one thread:\n${expected}\ntwo threads:\n${found}")
endif()

string(JSON users GET "${two}" dataset users)
string(JSON count LENGTH "${two}" users test ranks)
string(JSON among GET "${two}" users test of)
if(NOT count EQUAL users OR NOT among EQUAL 100)
  message(FATAL_ERROR "--per-user: ${count} ranks among ${among}, expected ${users} among 100")
endif()
string(JSON parameters GET "${two}" parameters)
if(parameters LESS 1000)
  message(FATAL_ERROR "the model has ${parameters} parameters, expected more")
endif()

# Another seed is another run.
run(${TRAINER} --quick --epochs 2 --seed 2 --json other.json)
file(READ other.json other)
string(JSON found GET "${other}" test_full)
string(JSON expected GET "${one}" test_full)
if(found STREQUAL expected)
  message(FATAL_ERROR "seeds 1 and 2 give the same result")
endif()

# Settings are chosen without a look at the test: the same validation, and no word of the rest.
run(${TRAINER} --quick --epochs 2 --validation-only --json chosen.json)
forbid_output("test, ")
file(READ chosen.json chosen)
string(JSON expected GET "${one}" validation)
string(JSON found GET "${chosen}" validation)
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "validation is\n${found}\nwith --validation-only, without\n${expected}")
endif()
foreach(part IN ITEMS test test_full test_clicks calibration)
  string(JSON value ERROR_VARIABLE missing GET "${chosen}" ${part})
  if(NOT missing)
    message(FATAL_ERROR "--validation-only has written ${part}")
  endif()
endforeach()

# Full ranking everywhere, softmax.
run(${TRAINER} --quick --epochs 2 --candidates full --loss softmax --json full.json)
file(READ full.json full)
check_run("${full}")
string(JSON type TYPE "${full}" protocol candidates)
string(JSON test GET "${full}" test)
string(JSON test_full GET "${full}" test_full)
if(NOT type STREQUAL "NULL" OR NOT test STREQUAL test_full)
  message(FATAL_ERROR "--candidates full: candidates are ${type}, test and test_full\n${test}\n${test_full}")
endif()

# Quickstart: a list of such objects, a table, and recommendations.
run(${QUICKSTART} --quick --json quickstart.json)
require_output("popularity .*item-kNN .*transition-kNN .*SASRec .*DIN .*SASRec recommends:.*10  Synthetic film.*DIN recommends:.*10  Synthetic film.*Why DIN offers Synthetic film.*█")
file(READ quickstart.json quickstart)
string(JSON runs LENGTH "${quickstart}" runs)
if(NOT runs EQUAL 2)
  message(FATAL_ERROR "quickstart.json has ${runs} runs, expected SasRec's and Din's")
endif()
foreach(i RANGE 1)
  string(JSON one GET "${quickstart}" runs ${i})
  check_run("${one}")
endforeach()
