# SPDX-License-Identifier: Apache-2.0
# A list of runs is made once, whatever interrupts it; its tables, pages and complaints are what is promised.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE ring.jsonl ring.logs two.jsonl two.logs models.jsonl models.logs)
set(ENV{SEQREC_DATA} "")

# Forty users on a ring of twenty items: who knows what follows what knows all.
set(pairs "")
foreach(user RANGE 1 40)
  foreach(step RANGE 1 7)
    math(EXPR item "(${user} + ${step}) % 20 + 1")
    string(APPEND pairs "${user} ${item}\n")
  endforeach()
endforeach()
file(WRITE data/ring.txt "${pairs}")

set(baseline "")
# list(FILE contenders): one experiment of baselines, which take no time.
function(write_list file contenders)
  file(WRITE ${file} "{\"experiments\": [{\"name\": \"ring\", \"title\": \"On a ring\", \"data\": \"ring.txt\",
    \"options\": {\"candidates\": 9}, \"rankings\": [\"test\", \"test_full\"], \"metrics\": [\"hr@5\", \"ndcg@5\"],
    \"text\": \"A ring.\", ${baseline}\"contenders\": [${contenders}]}]}")
endfunction()
set(knn "{\"name\": \"transition-kNN\", \"program\": \"evaluate_baselines\", \"pick\": \"transition-kNN\", \"has_length\": false,
  \"has_seed\": false, \"published\": {\"test_full\": {\"ndcg@5\": 0.5}}, \"source\": \"a paper\"}")
set(popularity "{\"name\": \"popularity\", \"program\": \"evaluate_baselines\", \"pick\": \"popularity\", \"has_length\": false,
  \"has_seed\": false}")

# Nothing is there: both runs are made, and the best is ahead by more than chance.
set(baseline "\"baseline\": \"popularity\", ")
write_list(ring.json "${knn}, ${popularity}")
run(${PROGRAM} --list ring.json --data data --dry-run)
require_output("2 runs in the list, 2 to do\n  ring/transition-kNN: evaluate_baselines --candidates 9\n")
require_output("no result yet")
run(${PROGRAM} --list ring.json --data data --csv ring.csv)
require_output("2 runs in the list, 2 to do")
require_output("On a ring: ring.txt, test, frozen candidates\n  model +hr@5 +ndcg@5 +seeds +parameters +processor +published\n  transition-kNN +.1.0000 ")
require_output("On a ring: ring.txt, test, full ranking.*transition-kNN[^\n]*0.5000 .a paper.")
require_output("hr@5: transition-kNN ahead of the next, p 0.0001")
require_output("transition-kNN over popularity: [+][0-9.]+ .p 0.0001. / [+][0-9.]+ .p 0.0001.\n")
file(STRINGS ring.csv lines)
list(LENGTH lines count)
if(NOT count EQUAL 9)
  message(FATAL_ERROR "ring.csv has ${count} lines, expected a heading and one for each of 2 x 2 x 2 figures")
endif()
file(STRINGS ring.jsonl results)
list(LENGTH results count)
if(NOT count EQUAL 2)
  message(FATAL_ERROR "ring.jsonl has ${count} lines, expected one a run")
endif()

# Both baselines are judged by one start of their program.
require_output("started ring/transition-kNN, which writes to ring.logs/ring-transition-kNN.txt\n.1/1, ETA 0 s. ring/transition-kNN [^\n]*\n.1/1, ETA 0 s. ring/popularity ")
if(EXISTS ring.logs/ring-popularity.txt)
  message(FATAL_ERROR "ring.logs/ring-popularity.txt is there, expected one start of evaluate_baselines")
endif()

# Again: nothing is left to do, and what is said is the same to the digit.
run(${PROGRAM} --list ring.json --data data)
require_output("2 runs in the list, 0 to do")
require_output("transition-kNN +.1.0000 ")

# One with other options, and one more, are the only ones that are made.
string(REPLACE "\"has_seed\"" "\"options\": {\"decay\": 0.5}, \"has_seed\"" slower "${knn}")
string(REPLACE "\"transition-kNN\", \"program\"" "\"slower\", \"program\"" slower "${slower}")
write_list(ring.json "${knn}, ${popularity}, ${slower}")
file(WRITE text.md "{{table ring}}")
run(${PROGRAM} --list ring.json --data data --dry-run --page page.md --text text.md)
file(READ page.md page)
foreach(part IN ITEMS "\nNot run yet: 1 of the list, the first ring/slower.\n" "[|] transition-kNN [|] [*][*]1.0000[*][*] [|]"
                      "\nOver popularity, by the columns' order:\n\n- transition-kNN: [+][0-9.]+ .p 0.0001. / "
                      "\nHR@5: transition-kNN is [01].[0-9]* ahead of popularity, p 0.0001; NDCG@5: transition-kNN is ")
  if(NOT page MATCHES "${part}")
    message(FATAL_ERROR "page.md holds\n${page}\nexpected a match of\n${part}")
  endif()
endforeach()
run(${PROGRAM} --list ring.json --data data --only popularity)
require_output("3 runs in the list, 0 to do.*without result: 1, the first ring/slower")
run(${PROGRAM} --list ring.json --data data)
require_output("3 runs in the list, 1 to do\nstarted ring/slower.*\n.1/1, ETA 0 s. ring/slower ")

set(baseline "")

# Two at once.
string(REPLACE "0.5" "0.6" slower_still "${slower}")
string(REPLACE "\"slower\"" "\"slower still\"" slower_still "${slower_still}")
write_list(two.json "${slower}, ${slower_still}")
run(${PROGRAM} --list two.json --data data --jobs 2)
require_output("2 runs in the list, 2 to do\nstarted ring/slower, [^\n]*\nstarted ring/slower still, .*.2/2, ETA 0 s. ring/slower")
file(READ two.jsonl two)
if(NOT two MATCHES "ring/slower\".*ring/slower still\"|ring/slower still\".*ring/slower\"")
  message(FATAL_ERROR "two.jsonl lacks one of two runs")
endif()

# Two models and a baseline judged together, once both are trained, and not where one is missing.
string(CONCAT trained "{\"name\": \"small\", \"program\": \"train_avg_pool\", \"options\": {\"epochs\": 1, \"width\": 4}},
  {\"name\": \"large\", \"program\": \"train_avg_pool\", \"options\": {\"epochs\": 1, \"width\": 8}}")
string(CONCAT together "{\"name\": \"together\", \"program\": \"evaluate_model\", \"models\": [\"small\", \"large\"],
  \"options\": {\"transition-knn\": true}}")
write_list(models.json "${trained}, ${together}")
run_wrong("ring/together/seed 1  FAILED: ring/small/seed 1 has no result, expected its model"
          ${PROGRAM} --list models.json --data data --only together)
run(${PROGRAM} --list models.json --data data --jobs 2)
require_output("3 runs in the list, 3 to do\nstarted ring/small/seed 1,[^\n]*\nstarted ring/large/seed 1,.*ring/large/seed 1  .*started ring/together/seed 1")
file(READ models.logs/ring-together-seed-1.txt log)
if(NOT log MATCHES "transition-kNN by 2: validation ndcg@10 .*AvgPool and 1 more and transition-kNN")
  message(FATAL_ERROR "models.logs/ring-together-seed-1.txt holds\n${log}\nexpected two models and a baseline")
endif()
file(WRITE text.md "{{table ring}}\n")
run(${PROGRAM} --list models.json --data data --page page.md --text text.md --csv models.csv)
file(READ page.md page)
if(NOT page MATCHES "\n./examples/run evaluate_model --data ring.txt --candidates 9 --transition-knn --model ring-small-seed-1.safetensors --others ring-large-seed-1.safetensors\n")
  message(FATAL_ERROR "page.md holds\n${page}\nexpected the command that judges two models")
endif()
# What they learned and cost is that of both.
file(READ models.csv csv)
foreach(model small large together)
  if(NOT csv MATCHES "ring,ring.txt,test,0,\"${model}\",hr@5,[^\n]*,([0-9]+),([0-9.]+)\n")
    message(FATAL_ERROR "models.csv holds\n${csv}\nexpected ${model}'s parameters and seconds")
  endif()
  set(parameters_${model} ${CMAKE_MATCH_1})
  set(seconds_${model} ${CMAKE_MATCH_2})
endforeach()
math(EXPR both "${parameters_small} + ${parameters_large}")
if(NOT parameters_together EQUAL both OR seconds_together LESS_EQUAL seconds_large)
  message(FATAL_ERROR "models.csv holds\n${csv}\nexpected ${both} parameters of both together, and the time of their training too")
endif()
file(REMOVE models.logs/ring-small-seed-1.safetensors)
string(REPLACE "\"transition-knn\": true" "" alone "${together}")
write_list(models.json "${trained}, ${alone}")
run_wrong("models.logs/ring-small-seed-1.safetensors: is not there, expected the model that ring/small/seed 1 trained"
          ${PROGRAM} --list models.json --data data)

# A broken line, and one that was cut off: named, and made again.
file(READ ring.jsonl text)
string(LENGTH "${text}" length)
math(EXPR length "${length} - 100")
string(SUBSTRING "${text}" 0 ${length} text)
file(WRITE ring.jsonl "{broken\n${text}")
run(${PROGRAM} --list ring.json --data data)
require_output("ring.jsonl: line 1 is no result, its run will be made again")
require_output("ring.jsonl: line 4 is no result")
require_output("3 runs in the list, 1 to do\nstarted ring/slower.*\n.1/1, ETA 0 s. ring/slower ")
run(${PROGRAM} --list ring.json --data data)
require_output("3 runs in the list, 0 to do")

# A page from its text.
file(WRITE text.md "# Rings\n\n{{table ring}}\n\nThe end.\n")
run(${PROGRAM} --list ring.json --data data --page page.md --text text.md)
file(READ page.md page)
foreach(part IN ITEMS "# Rings\n\n[*][*]On a ring: ring.txt, test, frozen candidates[*][*]\n\n[|] model [|] HR@5 [|] NDCG@5 [|]"
                      "[|] transition-kNN [|] 1.0000 [|]" "full ranking[*][*]"
                      "\nA ring.\n\nCommit .*Bold: ahead"
                      "run compare_models --list ring.json --data DIR --only '.ring/'\n"
                      "\n./examples/run evaluate_baselines --data ring.txt --candidates 9\n" "</details>\n\nThe end.")
  if(NOT page MATCHES "${part}")
    message(FATAL_ERROR "page.md holds\n${page}\nexpected a match of\n${part}")
  endif()
endforeach()
file(WRITE text.md "{{table square}}\n")
run_wrong("text.md: line 1: there is no experiment square" ${PROGRAM} --list ring.json --data data --page page.md --text text.md)

# One that fails does not keep the others; the program says so in the end.
string(REPLACE "\"has_seed\"" "\"options\": {\"decay\": 5}, \"has_seed\"" wrong "${knn}")
string(REPLACE "\"transition-kNN\", \"program\"" "\"wrong\", \"program\"" wrong "${wrong}")
string(REPLACE "\"popularity\", \"program\"" "\"second\", \"program\"" second "${popularity}")
write_list(ring.json "${wrong}, ${second}")
run_wrong("ring/wrong  FAILED: evaluate_baselines ended with 1: error: --decay is '5', expected.*ring/second .*1 runs failed"
          ${PROGRAM} --list ring.json --data data)
run_wrong("elsewhere/ring.txt: is not there, expected the data set" ${PROGRAM} --list ring.json --data elsewhere)

# Lists that are wrong.
write_list(bad.json "{\"name\": \"x\", \"program\": \"train_magic\"}")
run_wrong("bad.json, experiments 1, contenders 1: program is train_magic, expected one of train_sasrec" ${PROGRAM} --list bad.json)
write_list(bad.json "${knn}, ${knn}")
set(baseline "\"baseline\": \"nobody\", ")
write_list(bad.json "${knn}")
run_wrong("experiments 1: baseline is nobody, expected the name of a contender" ${PROGRAM} --list bad.json)
set(baseline "")
write_list(bad.json "${knn}, ${knn}")
run_wrong("contenders 2: the name transition-kNN is another's" ${PROGRAM} --list bad.json)
write_list(bad.json "{\"name\": \"x\", \"program\": \"train_din\", \"opitons\": {}}")
run_wrong("contenders 1: has opitons, expected some of has_length, has_seed, models, name, options" ${PROGRAM} --list bad.json)
write_list(bad.json "{\"name\": \"x\", \"program\": \"train_din\", \"options\": {\"hidden\": [1]}}")
run_wrong("option hidden is .1., expected a text, a number, true or false" ${PROGRAM} --list bad.json)
write_list(bad.json "${together}, ${trained}")
run_wrong("contenders 1: models holds small, expected the name of a contender before it that is trained" ${PROGRAM} --list bad.json)
file(WRITE bad.json "{\"experiments\": [")
run_wrong("bad.json: byte [0-9]+: no JSON" ${PROGRAM} --list bad.json)
run_wrong("--list is missing" ${PROGRAM})
