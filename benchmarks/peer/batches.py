# SPDX-License-Identifier: Apache-2.0
"""Batches of histories as long as those of real data, made before any clock starts."""

import dataclasses
import os
import pathlib

import numpy


@dataclasses.dataclass
class Batch:
    """Packed histories: items (N), offsets (B+1).

    labels: for next items (N, columns), each row's target and its negatives; for clicks (B, 2), a candidate and
    whether it was clicked.
    """

    items: numpy.ndarray
    offsets: numpy.ndarray
    labels: numpy.ndarray

    @property
    def lengths(self) -> numpy.ndarray:
        return numpy.diff(self.offsets)

    @property
    def users(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> int:
        return len(self.items)


class Histories:
    """A source of sequences, each of as many rows as are trained and one event more.

    `kind` names whose lengths they have:
    ml-1m    MovieLens-1M's: the real ones if $SEQREC_DATA holds them, else lognormal with their median 96 and mean 165;
             without the two events that leave-one-out holds back
    amazon   5 and a geometric number more: mean 8.9, without the last
    5-50     uniform
    """

    def __init__(self, kind: str, items: int, max_length: int, random: numpy.random.Generator):
        self.max_length, self.random, self.items = max_length, random, items
        self.source = f"synthetic, lengths like {kind}"
        self.real: list[numpy.ndarray] = []
        folder = os.environ.get("SEQREC_DATA")
        if kind == "ml-1m" and folder:
            path = pathlib.Path(folder) / "ml-1m" / "ml-1m.txt"
            self.real, self.items = read_ml_1m(path)
            self.source = "MovieLens-1M, real histories"
        self.draw_lengths = LENGTHS[kind]

    def batch(self, users: int) -> list[numpy.ndarray]:
        """That many sequences, different users where they are real."""
        if self.real:
            chosen = self.random.choice(len(self.real), users, replace=False)
            return [self.real[user][:-1][-self.max_length - 1 :] for user in chosen]
        lengths = numpy.minimum(self.draw_lengths(self.random, users), self.max_length)
        return [self.random.integers(self.items, size=length + 1, dtype=numpy.int32) for length in lengths]


def lengths_of_ml_1m(random: numpy.random.Generator, users: int) -> numpy.ndarray:
    return numpy.clip(random.lognormal(numpy.log(96), 1.044, users), 20, 2314).astype(int) - 2


def lengths_of_amazon(random: numpy.random.Generator, users: int) -> numpy.ndarray:
    return 5 + random.geometric(1 / 4.9, users) - 1 - 1


def lengths_of_5_50(random: numpy.random.Generator, users: int) -> numpy.ndarray:
    return random.integers(5, 51, users)


LENGTHS = {"ml-1m": lengths_of_ml_1m, "amazon": lengths_of_amazon, "5-50": lengths_of_5_50}


def read_ml_1m(path: pathlib.Path) -> tuple[list[numpy.ndarray], int]:
    """One array of item ids, from 0, per user of a file of `user item` lines; and the number of items."""
    pairs = numpy.loadtxt(path, dtype=numpy.int32)
    starts = numpy.flatnonzero(numpy.diff(pairs[:, 0])) + 1
    return numpy.split(pairs[:, 1] - 1, starts), int(pairs[:, 1].max())


def pack(sequences: list[numpy.ndarray], objective: str, items: int, random: numpy.random.Generator) -> Batch:
    """A batch of the sequences without their last events, which are targets or candidates."""
    histories = [sequence[:-1] for sequence in sequences]
    offsets = numpy.concatenate([[0], numpy.cumsum([len(history) for history in histories])]).astype(numpy.int32)
    if objective == "click":
        candidates = [sequence[-1] for sequence in sequences]
        labels = numpy.stack([candidates, random.integers(2, size=len(sequences))], axis=1)
    else:
        targets = numpy.concatenate([sequence[1:] for sequence in sequences])
        columns = [targets]
        if objective == "bce":
            columns.append(random.integers(items, size=len(targets)))
        labels = numpy.stack(columns, axis=1)
    return Batch(
        items=numpy.ascontiguousarray(numpy.concatenate(histories), numpy.int32),
        offsets=offsets,
        labels=numpy.ascontiguousarray(labels, numpy.int32),
    )
