# SPDX-License-Identifier: Apache-2.0
# Sourced by .ci/run and .ci/full: named steps, of which each runs whatever became of the others, and their table.
# shellcheck shell=bash

# shellcheck source=cmake/setup.sh
source cmake/setup.sh
export SEQREC_WARNINGS_AS_ERRORS=ON SEQREC_KEEP_GOING=ON

failed=()
table=()

# row NAME SECONDS RESULT
row() { table+=("$(printf '%-44s %6.1f min  %s' "$1" "$(awk "BEGIN { print $2 / 60 }")" "$3")"); }

# step NAME COMMAND...
step() {
  local start=$SECONDS result=passed
  echo "== $1"
  ("${@:2}") || {
    result=FAILED
    failed+=("$1")
  }
  row "$1" $((SECONDS - start)) "$result"
}

# skip NAME WHY: a step that this machine cannot do is in the table too.
skip() {
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
