# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run, examples/run, examples/quickstart and .ci/run: what they need to build anything at all.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Compilations are kept inside the build tree, like everything else that the scripts leave.
export CCACHE_DIR=${CCACHE_DIR:-$root/build/ccache}

# What seqrec itself needs (zlib it can do without), and what only its tests and benchmarks need on top (Debian's and Ubuntu's names).
library_packages=(g++ cmake ninja-build libeigen3-dev libcli11-dev nlohmann-json3-dev zlib1g-dev)
test_packages=(catch2 libboost-context-dev libbenchmark-dev)
# With which CMake brings LightGBM, which Debian has not, to what wants trees (cmake/lightgbm.cmake).
tree_packages=(python3-pip)

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

# have PACKAGE: whether it is there already, from apt or, for a program, from anywhere.
have() {
  case $1 in
    g++) command -v c++ >/dev/null ;;
    cmake | ccache | doxygen | clang-format) command -v "$1" >/dev/null ;;
    ninja-build) command -v ninja >/dev/null ;;
    python3-pip) python3 -m pip --version >/dev/null 2>&1 ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed' ;;
  esac
}

# install_packages PACKAGE...: installs those that are missing, as root or through sudo; says what it does.
install_packages() {
  local package missing=() become=()
  for package in "$@"; do
    have "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null ||
    fail "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "these packages are missing; as root: apt-get install ${missing[*]}"
    become=(sudo)
  fi
  say "installing: ${missing[*]}"
  mkdir -p "$root/build"
  local log=$root/build/apt.log
  {
    "${become[@]}" apt-get update &&
      "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 || {
    cat "$log" >&2
    fail "apt-get could not install: ${missing[*]}"
  }
}

# check_cmake: a clear word where the distribution's CMake is too old for us.
check_cmake() {
  local version oldest=3.24
  version=$(cmake --version | sed -n 's/^cmake version \([0-9.]*\).*/\1/p')
  [[ $(printf '%s\n%s\n' "$oldest" "$version" | sort -V | head -n 1) == "$oldest" ]] ||
    fail "CMake $version is too old: seqrec needs $oldest or newer (a current one: pip install cmake)"
}

# configure PRESET [cmake options]: configures build/PRESET, quietly unless it fails.
configure() {
  local preset=$1 directory=$root/build/$1 generator=() log
  shift
  check_cmake
  # A tree that is configured already keeps its generator.
  if [[ ! -f $directory/CMakeCache.txt ]] && command -v ninja >/dev/null; then generator=(-G Ninja); fi
  mkdir -p "$directory"
  log=$directory/configure.log
  (cd "$root" && cmake --preset "$preset" "${generator[@]}" "$@") >"$log" 2>&1 || {
    cat "$log" >&2
    fail "cmake could not configure the preset '$preset'"
  }
}

# build_tree DIRECTORY [cmake --build options]: with SEQREC_KEEP_GOING set (.ci), goes on after a file that does not compile,
# so that one run shows all of them.
build_tree() {
  local directory=$1 native=()
  shift
  if [[ -n ${SEQREC_KEEP_GOING:-} ]]; then
    native=(-- -k)
    grep -qs '^CMAKE_GENERATOR:INTERNAL=Ninja' "$directory/CMakeCache.txt" && native+=(0)
  fi
  cmake --build "$directory" --parallel "$(nproc)" "$@" "${native[@]}"
}

# build PRESET [cmake --build options]
build() { build_tree "$root/build/$1" "${@:2}"; }

# prepare_example NAME [PRESET]: installs what is missing and builds the example in build/PRESET (examples), quietly unless it
# fails.
prepare_example() {
  local preset=${2:-examples}
  local log=$root/build/$preset/build.log
  install_packages "${library_packages[@]}"
  local options=()
  if grep -qs 'seqrec/\(trees\|hybrid\)/\|"train_hybrid"' "$root/examples/$1.cpp"; then
    install_packages "${tree_packages[@]}"
    options=(-DSEQREC_BRING_LIGHTGBM=ON)
  fi
  configure "$preset" "${options[@]}"
  build "$preset" --target "$1" >"$log" 2>&1 || {
    cat "$log" >&2
    fail "the example '$1' could not be built"
  }
}
