# SPDX-License-Identifier: Apache-2.0
# A wrong option stops a program before it starts, with a line that names option, value and expectation.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

set(ENV{SEQREC_DATA} "")
run(${TRAINER} --help)
require_output("--candidates N[|]full=99.*--loss bce[|]softmax=bce")

run_wrong("error: --epochs is '0', expected a whole number of at least 1" ${TRAINER} --epochs 0)
run_wrong("error: --epochs is '3x', expected" ${TRAINER} --epochs 3x)
run_wrong("error: --seed is '-1', expected a whole number" ${TRAINER} --seed -1)
run_wrong("error: --threads is '-1', expected" ${TRAINER} --threads -1)
run_wrong("error: --dropout is '1', expected a number in .0, 1." ${TRAINER} --dropout 1)
run_wrong("error: --learning-rate is 'nan', expected a positive number" ${TRAINER} --learning-rate nan)
run_wrong("error: --loss is 'hinge', expected one of bce[|]softmax" ${TRAINER} --loss hinge)
run_wrong("error: --candidates is 'all', expected a whole number of at least 1, or 'full'" ${TRAINER} --candidates all)
run_wrong("error: --data is 'nowhere', expected an existing folder" ${TRAINER} --data nowhere)
run_wrong("error: --json is 'nowhere/x.json', expected a file in a folder" ${TRAINER} --json nowhere/x.json)
run_wrong("error: --negatives is given with --loss softmax" ${TRAINER} --loss softmax --negatives 2)
run_wrong("error: SasRec heads is 3, expected a divisor of the width" ${TRAINER} --quick --heads 3)
run_wrong("has 261 unseen items, expected at least 5000" ${TRAINER} --quick --candidates 5000)
run_wrong("error: --user is '100000', expected the number of a user" ${QUICKSTART} --quick --user 100000)
run_wrong("not expected: .*--epoch" ${QUICKSTART} --epoch 3)
