#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the machine code that nvcc makes of every CUDA kernel (float), without a GPU.

For each kernel: registers, shared memory, how many warps a multiprocessor can hold of it (calculated from its registers),
and what its instructions are: multiply-adds, special functions, loads and stores of device and shared memory, shuffles.
Instructions are counted as they stand in the code, not as often as they run.

  python3 benchmarks/gpu/machine_code.py [--arch sm_90] [--filter REGEX]

Needs nvcc, and cuobjdump and nvdisasm of the CUDA toolkit (without one: pip install nvidia-cuda-cuobjdump
nvidia-cuda-nvdisasm, and their folder on PATH).
"""

import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A multiprocessor of compute capability 8.0 and 9.0 (CUDA C++ Programming Guide, "technical specifications").
REGISTERS, MOST_WARPS, LANES = 65536, 64, 32

# What an instruction's name begins with, and what it is. The first that fits counts.
KINDS = [
    ("tensor", ("HMMA", "HGMMA", "IMMA", "DMMA")),
    ("fma", ("FFMA", "FMUL", "FADD", "HFMA2", "DFMA", "DMUL", "DADD")),
    ("special", ("MUFU",)),
    ("load", ("LDG", "LD.")),
    ("store", ("STG", "ST.")),
    ("shared", ("LDS", "STS", "LDSM")),
    ("local", ("LDL", "STL")),
    ("shuffle", ("SHFL", "VOTE")),
    ("barrier", ("BAR", "WARPSYNC")),
    ("branch", ("BRA", "BSYNC", "BSSY", "EXIT", "CALL", "RET")),
]
COLUMNS = ["tensor", "fma", "special", "load", "store", "shared", "local", "shuffle", "barrier", "branch", "other"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--arch", default="sm_90", help="sm_80 or sm_90")
    parser.add_argument("--filter", default=".", help="only kernels whose name matches")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        binary = compiled(pathlib.Path(folder), arguments.arch)
        usage = resources(binary)
        mixes = instructions(binary)
    rows = [row(name, usage[name], mixes[name]) for name in sorted(usage) if re.search(arguments.filter, name)]
    print_table(["kernel", "registers", "shared bytes", "warps", "instructions", *COLUMNS], rows)
    spilled = [r[0] for r in rows if r[len(r) - len(COLUMNS) + COLUMNS.index("local")] != "0"]
    if spilled:
        sys.exit(f"error: registers in local memory: {', '.join(spilled)}")


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/local/cuda/bin")
    return found or sys.exit(f"error: there is no {name} on PATH; see --help")


def compiled(folder: pathlib.Path, arch: str) -> pathlib.Path:
    """The explicit instantiations of tests/nvcc as machine code."""
    build = folder / "build"
    subprocess.run(["cmake", "-S", ROOT, "-B", build, "--preset", "tests", "-DSEQREC_ENABLE_CUDA=ON"], check=True,
                   stdout=subprocess.DEVNULL)
    binary = folder / "kernels.cubin"
    subprocess.run([tool("nvcc"), "-std=c++20", "-O3", f"-arch={arch}", "-cubin", f"-I{ROOT}/include",
                    build / "tests/nvcc/kernels_float.cu", "-o", binary], check=True)
    return binary


def run(name: str, *options: str) -> str:
    program = tool(name)
    environment = dict(os.environ, PATH=f"{pathlib.Path(program).parent}:{os.environ['PATH']}")
    return subprocess.run([program, *options], check=True, capture_output=True, text=True, env=environment).stdout


def resources(binary: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Registers and bytes of shared memory of each kernel."""
    found = re.findall(r"Function (\S+):\n\s+REG:(\d+) STACK:\d+ SHARED:(\d+)",
                       run("cuobjdump", "--dump-resource-usage", binary))
    return {readable(name): (int(registers), int(shared)) for name, registers, shared in found}


def instructions(binary: pathlib.Path) -> dict[str, collections.Counter]:
    """How many instructions of each kind each kernel has."""
    mixes, name = {}, None
    for line in run("cuobjdump", "-sass", binary).splitlines():
        if match := re.match(r"\s+Function : (\S+)", line):
            name = readable(match[1])
            mixes[name] = collections.Counter()
        elif match := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z][A-Z0-9_.]*)", line):
            if match[1] != "NOP":
                mixes[name][kind(match[1])] += 1
    return mixes


def kind(instruction: str) -> str:
    return next((kind for kind, names in KINDS if instruction.startswith(names)), "other")


def readable(mangled: str) -> str:
    """kernel<arguments>, without namespaces and contexts."""
    name = subprocess.run([tool("c++filt"), mangled], check=True, capture_output=True, text=True).stdout.strip()
    name = name.removeprefix("void ")
    depth = 0
    for end, letter in enumerate(name):
        depth += (letter == "<") - (letter == ">")
        if letter == "(" and depth == 0 and end:
            name = name[:end]
            break
    for noise in ("seqrec::cuda::", "seqrec::", "detail::"):
        name = name.replace(noise, "")
    return name


def row(name: str, usage: tuple[int, int], mix: collections.Counter) -> list[str]:
    registers, shared = usage
    # Registers are given out to whole warps, 8 a lane at a time.
    warps = min(MOST_WARPS, REGISTERS // (LANES * -(-max(registers, 1) // 8) * 8))
    return [name, str(registers), str(shared), str(warps), str(sum(mix.values())), *(str(mix[c]) for c in COLUMNS)]


def print_table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    for line in [head, *rows]:
        print(line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:])), sep="  ")


if __name__ == "__main__":
    main()
