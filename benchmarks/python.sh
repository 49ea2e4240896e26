# SPDX-License-Identifier: Apache-2.0
# Sourced, after cmake/setup.sh, by what runs seqrec beside Python's libraries.
# shellcheck shell=bash

# has PYTHON MODULES: whether that interpreter has them, separated by commas.
has() { "$1" -c "import $2" 2>/dev/null; }

# find_python MODULES TREE COMMAND...: sets `python` to $PYTHON, or python3, if that one has them; else to one of TREE/venv, which
# COMMAND installs them into if they are not there yet.
find_python() {
  python=${PYTHON:-python3}
  ! has "$python" "$1" || return 0
  python=$2/venv/bin/python
  ! has "$python" "$1" || return 0
  say "installing $1 into ${2#"$root/"}/venv (PyTorch is gigabytes)"
  install_packages python3-venv
  python3 -m venv "$2/venv"
  "${@:3}"
}

# start_python ARGUMENT...: the rest of the script. Without these, glibc gives large tensors back to the system after each use, and
# PyTorch spends its time in page faults.
start_python() {
  export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_TOP_PAD_=268435456
  exec env PYTHONDONTWRITEBYTECODE=1 "$python" "$@"
}
