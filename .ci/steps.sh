# SPDX-License-Identifier: Apache-2.0
# Sourced by .ci/run and .ci/full: named steps, of which each runs whatever became of the others, and their table.
# shellcheck shell=bash

# shellcheck source=cmake/setup.sh
source cmake/setup.sh
export SEQREC_WARNINGS_AS_ERRORS=ON SEQREC_KEEP_GOING=ON

failed=()
table=()
asked=("$@")  # parts of names of steps, from the script's command line

# row NAME SECONDS RESULT
row() { table+=("$(printf '%-44s %6.1f min  %s' "$1" "$(awk "BEGIN { print $2 / 60 }")" "$3")"); }

# wanted NAME: whether the step was asked for; without arguments of the script all are.
wanted() {
  local part
  ((${#asked[@]})) || return 0
  for part in "${asked[@]}"; do
    [[ $1 != *"$part"* ]] || return 0
  done
  return 1
}

# step NAME COMMAND...
step() {
  local start=$SECONDS result=passed
  wanted "$1" || return 0
  echo "== $1"
  ("${@:2}") || {
    result=FAILED
    failed+=("$1")
  }
  row "$1" $((SECONDS - start)) "$result"
}

# skip NAME WHY: a step that this machine cannot do is in the table too.
skip() {
  wanted "$1" || return 0
  echo "== $1: skipped, $2"
  row "$1" 0 "skipped: $2"
}

# finish: the table; fails where a step did.
finish() {
  echo "== summary"
  printf '%s\n' "${table[@]}"
  ((${#failed[@]} == 0)) || fail "failed: ${failed[*]}"
}

formatting() {
  git ls-files -z '*.hpp' '*.cpp' '*.cuh' '*.cu' | xargs -0 --no-run-if-empty clang-format --dry-run --Werror &&
    echo "every source file is formatted"
}
