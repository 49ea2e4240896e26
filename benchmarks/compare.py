#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs two programs of benchmarks in turns, op by op, and says what one does slower or faster than the other."""

import argparse
import dataclasses
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile


@dataclasses.dataclass
class Change:
    """A benchmark's times in both programs, in its own unit."""

    name: str
    unit: str
    before: list[float]
    after: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.after) / statistics.median(self.before)

    @property
    def fastest_ratio(self) -> float:
        """Suffers least from what else the machine does."""
        return min(self.after) / min(self.before)


def main() -> None:
    arguments = parse_arguments()
    programs = (arguments.before, arguments.after)
    names = [list_names(program, arguments.filter) for program in programs]
    both = [name for name in names[0] if name in set(names[1])]
    if not both:
        sys.exit("error: the programs have no benchmark of that name in common")
    changes: list[Change] = []
    ops = list(dict.fromkeys(name.split("/")[0] for name in both))
    for number, op in enumerate(ops, 1):
        print(f"\r[{number}/{len(ops)}] {op:<40}", end="", file=sys.stderr, flush=True)
        changes += compare_op(programs, [name for name in both if name.split("/")[0] == op], arguments.rounds)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    slower = report(changes, arguments.name, arguments.threshold / 100)
    for here, there, which in ((names[0], names[1], arguments.name), (names[1], names[0], "the working tree")):
        alone = [name for name in here if name not in set(there)]
        if alone:
            print(f"only in {which}: {len(alone)}, " + ", ".join(alone[:5]) + (", ..." if len(alone) > 5 else ""))
    if arguments.json:
        table = [dict(name=change.name, unit=change.unit, before=statistics.median(change.before),
                      after=statistics.median(change.after), ratio=change.ratio,
                      fastest_ratio=change.fastest_ratio) for change in changes]
        arguments.json.write_text(json.dumps(table, indent=1) + "\n")
    sys.exit(1 if slower else 0)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before", type=pathlib.Path)
    parser.add_argument("after", type=pathlib.Path)
    parser.add_argument("--name", default="before", help="what the first is called")
    parser.add_argument("--filter", default=".")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threshold", type=float, default=5, metavar="PERCENT")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def list_names(program: pathlib.Path, pattern: str) -> list[str]:
    listed = subprocess.run([program, "--benchmark_list_tests", f"--benchmark_filter={pattern}"], capture_output=True,
                            text=True, check=False)
    return [line for line in listed.stdout.splitlines() if "/" in line]


def compare_op(programs: tuple[pathlib.Path, pathlib.Path], names: list[str], rounds: int) -> list[Change]:
    changes = {name: Change(name, "", [], []) for name in names}
    pattern = "^(" + "|".join(re.escape(name).replace("\\-", "-") for name in names) + ")$"
    for _ in range(rounds):
        for program, place in zip(programs, ("before", "after")):
            for run in run_once(program, pattern):
                change = changes[run["name"]]
                change.unit = run["time_unit"]
                # What several threads share takes the time of the clock; one thread has its own.
                kind = "real_time" if run["name"].endswith("/real_time") else "cpu_time"
                getattr(change, place).append(run[kind])
    return [change for change in changes.values() if change.before and change.after]


def run_once(program: pathlib.Path, pattern: str) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder) / "results.json"
        subprocess.run([program, f"--benchmark_filter={pattern}", "--benchmark_min_time=0.05",
                        f"--benchmark_out={results}", "--benchmark_out_format=json"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs = json.loads(results.read_text())["benchmarks"]
    return [run for run in runs if not run.get("error_occurred")]


def report(changes: list[Change], name: str, threshold: float) -> bool:
    """Prints what changed by more than the threshold; whether anything got slower."""
    ordered = sorted(changes, key=lambda change: -change.ratio)
    slower = [change for change in ordered if change.ratio > 1 + threshold]
    faster = [change for change in reversed(ordered) if change.ratio < 1 / (1 + threshold)]
    for title, some in (("slower", slower), ("faster", faster)):
        if not some:
            continue
        print(f"{title} than {name}:")
        print(f"{'median':>8} {'fastest':>8} {'before':>10} {'after':>10}")
        for change in some:
            before, after = statistics.median(change.before), statistics.median(change.after)
            print(f"{change.ratio - 1:>+8.0%} {change.fastest_ratio - 1:>+8.0%} {before:>10.4g} {after:>10.4g} "
                  f"{change.unit}  {change.name}")
        print()
    middle = statistics.geometric_mean([change.ratio for change in changes])
    print(f"{len(changes)} benchmarks: {len(slower)} slower by more than {threshold:.0%}, {len(faster)} faster; "
          f"times are {middle:.2f} of those of {name} in the geometric mean")
    return bool(slower)


if __name__ == "__main__":
    main()
