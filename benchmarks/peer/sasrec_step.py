#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times one SASRec training step, seqrec's beside PyTorch's, in one process and in alternating blocks.

First both sides train a few steps from the same weights without dropout: their losses must agree, or nothing is timed.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import time

import torch

import sasrec_torch
import workload
from seqrec_library import Library, Options, SeqrecStep

CHECK_STEPS = 3
SAME_LOSS = 1e-6  # relative, in the first step: the same weights
SAME_TRAINING = 1e-3  # relative, in later steps: gradients and Adam too (whose first steps keep only a gradient's sign)


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    batches, items, source = workload.make_batches(
        arguments.batches, arguments.batch, arguments.max_length, arguments.seed
    )
    options = Options(
        items=items, width=arguments.width, blocks=2, heads=1, max_length=arguments.max_length,
        threads=arguments.threads, dropout=0.2, learning_rate=1e-3, seed=arguments.seed,
    )
    rows = statistics.mean(len(batch.items) for batch in batches)
    print(f"SASRec training step: BCE with one negative, width {options.width}, 2 blocks, 1 head, dropout 0.2, Adam")
    print(f"data      {source}: {len(batches)} batches of {arguments.batch} histories, {rows:.0f} rows each")
    malloc = "tuned" if "MALLOC_MMAP_THRESHOLD_" in os.environ else "as installed (start through ./run to tune it)"
    print(f"machine   {arguments.threads} threads, float; PyTorch {torch.__version__}; malloc {malloc}")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning   other programs keep {load:.1f} cores busy: PyTorch's threads suffer more from that than ours")

    styles = [sasrec_torch.Style()] + sasrec_torch.expert_styles()
    library = None if arguments.pytorch_only else Library(arguments.library)
    check(library, options, styles, batches)

    contenders = [sasrec_torch.TorchStep(options, style, batches) for style in styles]
    if library:
        contenders.insert(0, SeqrecStep(library, options, batches))
    peaks, times = [], {contender.label: [] for contender in contenders}
    for _ in range(arguments.rounds):
        if library:
            peaks.append(library.peak_flops(arguments.threads))
        for contender in contenders:
            times[contender.label] += timed_block(contender, len(batches), arguments.steps)
    flops = statistics.mean(workload.useful_flops(batch, options.width, options.blocks) for batch in batches)
    report(times, flops, max(peaks, default=None), arguments.json)


def parse_arguments():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--library", default=here.parents[1] / "build" / "peer" / "libseqrec_peer.so")
    parser.add_argument("--pytorch-only", action="store_true", help="leave seqrec out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128, help="histories a batch")
    parser.add_argument("--max-length", type=int, default=200)
    parser.add_argument("--batches", type=int, default=8, help="batches to cycle through")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of every contender")
    parser.add_argument("--steps", type=int, default=8, help="timed steps a block")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path, help="also write the result here")
    return parser.parse_args()


def check(library, options, styles, batches):
    """Trains CHECK_STEPS steps on every side from one set of weights, without dropout, and compares the losses."""
    options = options.replaced(dropout=0)
    batches = batches[:CHECK_STEPS]
    sides = [sasrec_torch.TorchStep(options, style, batches) for style in styles]
    randomise(sides[0].model)
    for side in sides[1:]:
        side.model.load_state_dict(sides[0].model.state_dict())
    losses = []
    if library:
        ours = SeqrecStep(library, options, batches)
        ours.set_parameters(sides[0].parameters())
        losses.append((ours.label, [ours.step(index) for index in range(len(batches))]))
    for side in sides:
        losses.append((side.label, [side.step(index, hide_padding=True) for index in range(len(batches))]))

    reference, worst = losses[0][1], [0.0, 0.0]
    for label, values in losses[1:]:
        for index, (value, expected) in enumerate(zip(values, reference)):
            later = int(index > 0)
            error = abs(value / expected - 1)
            worst[later] = max(worst[later], error)
            if not error <= (SAME_TRAINING if later else SAME_LOSS):
                sys.exit(f"error: in step {index + 1}, {losses[0][0]} has loss {expected:.8f} and {label} {value:.8f}")
    print(f"check     same weights, no dropout: losses of all {len(losses)} sides agree to {worst[0]:.1e} relative,"
          f" after {len(batches) - 1} steps of training to {worst[1]:.1e}")


def randomise(model):
    """No parameter may be zero or one, or an error in its use would not show."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(0.3 * torch.randn_like(value) + (1.0 if "norm.weight" in name else 0.0))
        model.item_embedding.weight[0] = 0


def timed_block(contender, batches, steps):
    """Milliseconds of `steps` steps, after one that wakes the threads and warms the caches."""
    contender.step(0)
    times = []
    for index in range(steps):
        start = time.perf_counter()
        contender.step(index % batches)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def report(times, flops, peak, path):
    rows = []
    for label, values in times.items():
        lower, median, upper = statistics.quantiles(values, n=4)
        rate = flops / (1e-3 * median)
        rows.append(dict(label=label, median_ms=median, lower_quartile_ms=lower, upper_quartile_ms=upper,
                         fastest_ms=min(values), gflops=rate / 1e9, of_peak=rate / peak if peak else None))
    measured = f"; measured peak {peak / 1e9:.0f} GFLOP/s" if peak else ""
    print(f"work      {flops / 1e9:.2f} GFLOP a step without padding{measured}\n")
    print(f"{'median ms':>10} {'quartiles':>15} {'fastest':>8} {'GFLOP/s':>8} {'of peak':>8}")
    for row in rows:
        quartiles = f"{row['lower_quartile_ms']:.1f}..{row['upper_quartile_ms']:.1f}"
        share = f"{row['of_peak']:.0%}" if peak else "-"
        print(f"{row['median_ms']:>10.1f} {quartiles:>15} {row['fastest_ms']:>8.1f} {row['gflops']:>8.1f} {share:>8}"
              f"  {row['label']}")

    result = dict(flops=flops, peak_flops=peak, contenders=rows)
    if rows[0]["label"] == SeqrecStep.label:
        ours, plain = rows[0]["median_ms"], rows[1]["median_ms"]
        best = min(row["median_ms"] for row in rows[1:])
        result.update(plain_ratio=plain / ours, best_ratio=best / ours)
        print(f"\nseqrec takes 1/{plain / ours:.1f} of plain PyTorch's time, 1/{best / ours:.1f} of the best PyTorch's")
    if path:
        path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
