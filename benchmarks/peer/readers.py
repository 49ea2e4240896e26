#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times reading a file of interactions, seqrec's reader beside pandas.read_csv, in one process and in turns.

pandas is timed twice: read_csv alone, which leaves columns as they stand in the file; and with the rest of what seqrec
does, numbering users and items and putting each user's events in order. First both must give the same data.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy
import pandas

from seqrec_library import ReaderLibrary

LAYOUTS = {
    "u.data": dict(sep="\t", names=["user", "item", "rating", "time"]),
    "ratings.csv": dict(header=0, names=["user", "item", "rating", "time"]),
    # '::' is two separators to the fast parser: every other column is empty.
    "ratings.dat": dict(sep=":", header=None, usecols=[0, 2, 4, 6]),
}
PAIRS = dict(sep=" ", names=["user", "item"])


def main():
    arguments = parse_arguments()
    library = ReaderLibrary(arguments.library)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning   other programs keep {load:.1f} cores busy")
    results = [compare(library, path, arguments.rounds) for path in arguments.files]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


def parse_arguments():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=pathlib.Path,
                        help="u.data, ratings.dat, ratings.csv or 'user item' pairs (*.txt); "
                             "without any, ml-100k and ml-1m in $SEQREC_DATA")
    parser.add_argument("--library", default=here.parents[1] / "build" / "peer" / "libseqrec_peer.so")
    parser.add_argument("--rounds", type=int, default=21, help="readings of every contender")
    parser.add_argument("--json", type=pathlib.Path, help="also write the result here")
    arguments = parser.parse_args()
    if not arguments.files:
        if "SEQREC_DATA" not in os.environ:
            parser.error("name a file, or set SEQREC_DATA")
        data = pathlib.Path(os.environ["SEQREC_DATA"])
        arguments.files = [data / "ml-100k" / "u.data", data / "ml-1m" / "ml-1m.txt"]
    return arguments


def read_columns(path):
    frame = pandas.read_csv(path, **LAYOUTS.get(path.name, PAIRS))
    frame.columns = ["user", "item", "rating", "time"][: frame.shape[1]]
    return frame


def read_histories(path):
    """The items of all users in order, as seqrec numbers and orders them."""
    frame = read_columns(path)
    users, _ = pandas.factorize(frame["user"].to_numpy(), sort=True)
    items, _ = pandas.factorize(frame["item"].to_numpy(), sort=True)
    order = numpy.lexsort((frame["time"].to_numpy(), users)) if "time" in frame else numpy.argsort(users, kind="stable")
    return items[order].astype(numpy.int32)


def compare(library, path, rounds):
    with tempfile.TemporaryDirectory() as folder:  # alone, so that seqrec reads no titles and features beside it
        alone = pathlib.Path(folder) / path.name
        alone.symlink_to(path.resolve())
        expected = read_histories(alone)
        if not numpy.array_equal(library.items(alone, len(expected)), expected):
            sys.exit(f"error: {path}: seqrec and pandas give different data")
        contenders = {
            "seqrec": lambda: library.load(alone),
            "pandas.read_csv": lambda: read_columns(alone),
            "pandas, numbered and in order": lambda: read_histories(alone),
        }
        times = {label: [] for label in contenders}
        for _ in range(rounds):
            for label, read in contenders.items():
                start = time.process_time()  # of one thread, all of them: so other programs count for little
                read()
                times[label].append(time.process_time() - start)
    return report(path, len(expected), times)


def report(path, lines, times):
    print(f"{path.name}: {lines} lines; both give the same data; pandas {pandas.__version__}")
    print(f"{'median ms':>10} {'fastest':>8} {'M lines/s':>10}")
    result = dict(file=path.name, lines=lines, contenders=[])
    for label, values in times.items():
        median = statistics.median(values)
        row = dict(label=label, median_ms=1e3 * median, fastest_ms=1e3 * min(values), lines_per_second=lines / median)
        result["contenders"].append(row)
        print(f"{row['median_ms']:>10.1f} {row['fastest_ms']:>8.1f} {row['lines_per_second'] / 1e6:>10.1f}  {label}")
    ours, columns, histories = (row["median_ms"] for row in result["contenders"])
    result.update(read_csv_ratio=columns / ours, same_work_ratio=histories / ours)
    print(f"seqrec takes 1/{columns / ours:.1f} of read_csv's time, 1/{histories / ours:.1f} of that for the same work\n")
    return result


if __name__ == "__main__":
    main()
