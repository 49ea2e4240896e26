# SPDX-License-Identifier: Apache-2.0
"""Batches of histories as long as those of MovieLens-1M, made before any clock starts."""

import dataclasses
import os
import pathlib

import numpy


@dataclasses.dataclass
class Batch:
    """Packed histories: items (N), offsets (B+1), and for each row its target and one negative, next (N, 2)."""

    items: numpy.ndarray
    offsets: numpy.ndarray
    next: numpy.ndarray

    @property
    def lengths(self):
        return numpy.diff(self.offsets)


def make_batches(count, users, max_length, seed):
    """`count` batches, the number of items, and a sentence on where their lengths come from."""
    random = numpy.random.default_rng(seed)
    folder = os.environ.get("SEQREC_DATA")
    if folder:
        events, items = read_ml_1m(pathlib.Path(folder) / "ml-1m" / "ml-1m.txt")
        source = "MovieLens-1M, real histories"
    else:
        events, items = synthetic_events(random, 6040, 3416)
        source = "synthetic, lengths like MovieLens-1M (set SEQREC_DATA for the real ones)"
    batches = []
    while len(batches) < count:
        order = random.permutation(len(events))
        for first in range(0, len(order) - users + 1, users):
            chosen = [events[user] for user in order[first : first + users]]
            batches.append(pack(chosen, items, max_length, random))
    return batches[:count], items, source


def read_ml_1m(path):
    """One array of item ids, from 0, per user of a file of `user item` lines."""
    pairs = numpy.loadtxt(path, dtype=numpy.int32)
    starts = numpy.flatnonzero(numpy.diff(pairs[:, 0])) + 1
    return numpy.split(pairs[:, 1] - 1, starts), int(pairs[:, 1].max())


def synthetic_events(random, users, items):
    """Uniform items; counts fitted to MovieLens-1M's (median 96, mean 165)."""
    counts = numpy.clip(random.lognormal(numpy.log(96), 1.044, users), 20, 2314).astype(int)
    return [random.integers(items, size=count, dtype=numpy.int32) for count in counts], items


def pack(events, items, max_length, random):
    """A row for every event but the two that leave-one-out holds back, at most the last `max_length` of a user."""
    rows = [history[:-2][-max_length:] for history in events]
    targets = [history[1:-1][-max_length:] for history in events]
    offsets = numpy.concatenate([[0], numpy.cumsum([len(row) for row in rows])]).astype(numpy.int32)
    target = numpy.concatenate(targets)
    negative = random.integers(items, size=len(target), dtype=numpy.int32)
    return Batch(
        items=numpy.ascontiguousarray(numpy.concatenate(rows)),
        offsets=offsets,
        next=numpy.ascontiguousarray(numpy.stack([target, negative], axis=1)),
    )


def useful_flops(batch, width, blocks):
    """Operations that a training step needs, without padding and with the causal half of attention only.

    Six D x D products a row and block, and per pair (row, earlier row) one score and one weighted sum; a backward
    pass costs twice its forward.
    """
    rows, pairs = len(batch.items), (batch.lengths.astype(float) * (batch.lengths + 1) / 2).sum()
    products = blocks * 6 * 2 * width * width * rows
    attention = blocks * 2 * 2 * width * pairs
    scores = 2 * 2 * width * rows
    return 3 * (products + attention + scores)
