#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Races seqrec against PyTorch and ONNX Runtime: training steps and requests, in one process, in alternating blocks.

First both sides compute from the same weights; their losses and gradients, or scores, must agree, or nothing is timed.
"""

import argparse
import gc
import os
import pathlib
import sys

import torch

import check
import race_serving
import race_training
import results
import workloads
from seqrec_library import Library


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    if arguments.gpu:
        torch.set_default_device("cuda")
        # What is raced is float: recurrent layers would take TF32 by default.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    versions = dict(python=sys.version.split()[0], torch=torch.__version__)
    if race_serving.onnxruntime:
        versions["onnxruntime"] = race_serving.onnxruntime.__version__
    malloc = "tuned" if "MALLOC_MMAP_THRESHOLD_" in os.environ else "as installed (start through ./run to tune it)"
    others = ", ".join(f"{name} {version}" for name, version in versions.items())
    where = torch.cuda.get_device_name() if arguments.gpu else f"{arguments.threads} threads"
    print(f"machine   {where}, float; {others}; malloc {malloc}")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning   other programs keep {load:.1f} cores busy: PyTorch's threads suffer more from that than ours")
    begun = results.circumstances(arguments.threads, versions)
    if arguments.gpu:
        begun["gpu"] = where
    library = Library(arguments.library)
    plan = race_training.Plan(
        threads=arguments.threads, batches=arguments.batches, rounds=arguments.rounds, steps=arguments.steps,
        seed=arguments.seed, compiled=not arguments.no_compile, pytorch=not arguments.alone, gpu=arguments.gpu,
    )
    found = []
    for workload in arguments.workloads:
        print(f"\n== {workload.name}: {workload.title}")
        torch.manual_seed(arguments.seed)
        race = race_training.race if isinstance(workload, workloads.Training) else race_serving.race
        try:
            found.append(results.judged(race(workload, library, plan)))
        except check.Disagreement as disagreement:
            sys.exit(f"error: {workload.name}: {disagreement}")
        results.print_result(found[-1])
        torch.compiler.reset()
        gc.collect()
        if arguments.json:  # after each, so that what is there survives an interruption
            results.write(arguments.json, found, begun)
    results.print_summary(found)


def parse_arguments() -> argparse.Namespace:
    here = pathlib.Path(__file__).resolve().parent
    names = [workload.name for workload in workloads.ALL + workloads.ON_GPU]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="./benchmarks/run --peers",
                                     epilog="names: " + " ".join(names))
    parser.add_argument("names", nargs="*", metavar="NAME", help="only workloads whose names begin so; without, all")
    parser.add_argument("--library", type=pathlib.Path, help=argparse.SUPPRESS,
                        default=here.parents[1] / "build" / "peer" / "libseqrec_peer.so")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="blocks of every contender")
    parser.add_argument("--steps", type=int, default=8, help="timed steps a block")
    parser.add_argument("--batches", type=int, default=8, help="batches to cycle through")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="1 round of 3 steps: do the sides agree, and run?")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out, which takes minutes")
    parser.add_argument("--alone", action="store_true", help="seqrec alone, unchecked")
    parser.add_argument("--gpu", action="store_true", help="training steps on this machine's GPU, beside PyTorch there")
    parser.add_argument("--json", type=pathlib.Path, help="also write the results here")
    arguments = parser.parse_args()
    there = workloads.ON_GPU if arguments.gpu else workloads.ALL
    if arguments.list:
        for workload in there:
            print(f"{workload.name:<22} {workload.title}")
        sys.exit()
    if arguments.quick:
        arguments.rounds, arguments.steps, arguments.batches = 1, 3, 2
    arguments.workloads = [
        workload for workload in there
        if not arguments.names or any(workload.name.startswith(name) for name in arguments.names)
    ]
    if not arguments.workloads:
        parser.error(f"no workload begins with {' or '.join(arguments.names)}; there are {' '.join(workload.name for workload in there)}")
    return arguments


if __name__ == "__main__":
    main()
