# SPDX-License-Identifier: Apache-2.0
# A training program that is cut short, by its epochs or by a signal, is resumed with --state and --resume.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(GLOB old *.safetensors *.state *.csv *.jsonl)
if(old)
  file(REMOVE ${old})
endif()
set(trainer ${TRAINER} --quick --accumulate 2 --ema 0.9 --optimizer adagrad --learning-rate 0.05 --schedule plateau)

# In one go, and in two parts on other threads: the same checkpoint, and the same log but for times.
run(${trainer} --threads 1 --epochs 4 --checkpoint whole.safetensors --log whole.csv)
run(${trainer} --threads 1 --epochs 2 --checkpoint parts.safetensors --log parts.csv --state parts.state)
run(${trainer} --threads 2 --epochs 4 --checkpoint parts.safetensors --log parts.csv --state parts.state --resume)
file(SHA256 whole.safetensors expected)
file(SHA256 parts.safetensors found)
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "the checkpoint of a resumed run differs from that of an unbroken one")
endif()
foreach(name IN ITEMS whole parts)
  file(STRINGS ${name}.csv lines)
  set(${name} "")
  foreach(line IN LISTS lines)
    string(REPLACE "," ";" fields "${line}")
    list(REMOVE_AT fields 2 5)  # seconds, targets_per_second
    string(APPEND ${name} "${fields}\n")
  endforeach()
endforeach()
list(LENGTH lines count)
if(NOT count EQUAL 5 OR NOT whole STREQUAL parts OR NOT whole MATCHES "^step;epoch;loss;learning_rate;hr@5;")
  message(FATAL_ERROR "logs of an unbroken and of a resumed run:\n${whole}\n${parts}")
endif()

# JSON lines parse, and have the same names.
run(${trainer} --epochs 1 --log log.jsonl)
file(STRINGS log.jsonl lines)
list(GET lines 0 first)
string(JSON step GET "${first}" step)
string(JSON metric GET "${first}" ndcg@10)
if(NOT step EQUAL 2 OR NOT metric GREATER 0)
  message(FATAL_ERROR "log.jsonl begins with\n${first}")
endif()

# A signal: the step is finished, the state saved, and the program says how to go on.
find_program(TIMEOUT timeout)
if(TIMEOUT)
  execute_process(COMMAND ${TIMEOUT} --foreground --preserve-status --signal=TERM 5 ${trainer} --epochs 1000000 --patience 0
                          --state long.state OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 130)
    message(FATAL_ERROR "a signal ended the program with ${status}, expected 130\n${output}")
  endif()
  require_output("interrupted after step [0-9]+; to go on, start the same command again with --resume")
  run(${trainer} --epochs 1 --patience 0 --state long.state --resume)  # has more than that behind it
endif()

run_wrong("error: parts.state: the run saved there has batch_size '128', expected '64'"
          ${trainer} --state parts.state --resume --batch-size 64)
run_wrong("error: parts.state: the run saved there has optimizer 'Adagrad', expected 'SGD'"
          ${TRAINER} --quick --accumulate 2 --optimizer sgd --state parts.state --resume)
run_wrong("error: .*expected the file to resume from" ${trainer} --resume)
