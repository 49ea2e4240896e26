# SPDX-License-Identifier: Apache-2.0
"""libseqrec_peer.so, whose functions contender.cpp, readers.cpp and peak.cpp define."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

import numpy

from batches import Batch

DESCENT = 1024.0  # a learning rate that lets a gradient stand out from the values that it moves


class PeerLibrary:
    def __init__(self, path: Path):
        self.functions = ctypes.CDLL(str(path))
        self.declare("last_error", ctypes.c_char_p)

    def declare(self, name: str, result: type | None, *arguments: type) -> None:
        function = getattr(self.functions, "seqrec_peer_" + name)
        function.restype, function.argtypes = result, arguments
        setattr(self, name, function)

    def check(self, failed: bool) -> None:
        if failed:
            raise RuntimeError(self.last_error().decode())


class ReaderLibrary(PeerLibrary):
    """What readers.py needs of it."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.declare("read", ctypes.c_int64, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int32), ctypes.c_int64)

    def load(self, path: Path) -> None:
        """Reads a data set and drops it."""
        self.check(self.read(os.fsencode(path), None, 0) < 0)

    def items(self, path: Path, count: int) -> numpy.ndarray:
        """The items of all users in order."""
        items = numpy.empty(count, numpy.int32)
        pointer = items.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self.check(self.read(os.fsencode(path), pointer, count) < 0)
        return items


class Library(PeerLibrary):
    """What race.py needs of it."""

    def __init__(self, path: Path):
        super().__init__(path)
        integers, reals = (numpy.ctypeslib.ndpointer(kind, flags="C_CONTIGUOUS") for kind in ("int32", "float32"))
        handle, text, int32 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32
        loss = ctypes.POINTER(ctypes.c_double)
        self.declare("create", handle, text, text, text, text, int32, ctypes.c_uint64)
        self.declare("destroy", None, handle)
        self.declare("parameter_count", ctypes.c_int64, handle)
        self.declare("set_parameter", int32, handle, text, reals, ctypes.c_int64)
        self.declare("get_parameter", int32, handle, text, reals, ctypes.c_int64)
        self.declare("add_batch", int32, handle, int32, integers, integers, integers, int32)
        self.declare("step", int32, handle, int32, ctypes.c_double, loss)
        self.declare("descend", int32, handle, int32, ctypes.c_double, loss)
        self.declare("recommend", int32, handle, int32, integers, integers, int32, integers, reals)
        self.declare("score", int32, handle, int32, integers, int32, integers, reals)
        self.declare("peak_flops", ctypes.c_double, int32)


class Seqrec:
    """A model with its optimiser and its prepared batches."""

    def __init__(self, library: Library, family: str, options: dict[str, object], objective: str, threads: int,
                 batches: Iterable[Batch] = (), lazy_rows: bool = False, products: str = "full", graphs: bool = False):
        self.library = library
        self.side = "seqrec"
        self.label = ", ".join(["seqrec"] + ["lazy rows"] * lazy_rows + ["in graphs"] * graphs)
        text = " ".join(f"{name}={value}" for name, value in options.items())
        team = f"threads={threads} products={products} graphs={str(graphs).lower()}"
        self.handle = library.create(family.encode(), text.encode(), objective.encode(), team.encode(), lazy_rows, 1)
        library.check(self.handle is None)
        for batch in batches:
            users, columns = len(batch.offsets) - 1, batch.labels.shape[1]
            library.check(
                library.add_batch(self.handle, users, batch.offsets, batch.items, batch.labels, columns) < 0
            )

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self.library.destroy(self.handle)

    def set_parameters(self, named: dict[str, numpy.ndarray]) -> None:
        """@throws RuntimeError unless `named` are exactly the model's parameters"""
        for name, values in named.items():
            self.library.check(self.library.set_parameter(self.handle, name.encode(), values, values.size) < 0)
        expected = self.library.parameter_count(self.handle)
        if len(named) != expected:
            raise RuntimeError(f"PyTorch's model has {len(named)} parameters, seqrec's {expected}")

    def parameters(self, like: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        found = {name: numpy.empty_like(values) for name, values in like.items()}
        for name, values in found.items():
            self.library.check(self.library.get_parameter(self.handle, name.encode(), values, values.size) < 0)
        return found

    def step(self, index: int, learning_rate: float = 1e-3) -> float:
        """One training step; returns its loss."""
        loss = ctypes.c_double()
        self.library.check(self.library.step(self.handle, index, learning_rate, ctypes.byref(loss)) < 0)
        return loss.value

    def gradients(self, index: int, named: dict[str, numpy.ndarray]) -> tuple[float, dict[str, numpy.ndarray]]:
        """Loss and gradients under the parameters `named`: by how much a step of gradient descent moves them."""
        self.set_parameters(named)
        loss = ctypes.c_double()
        self.library.check(self.library.descend(self.handle, index, DESCENT, ctypes.byref(loss)) < 0)
        after = self.parameters(named)
        self.set_parameters(named)
        return loss.value, {name: (values - after[name]) / DESCENT for name, values in named.items()}

    def recommend(self, batch: Batch, count: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """The best items (B, count) of each history, and their scores."""
        users = len(batch.offsets) - 1
        items = numpy.empty((users, count), numpy.int32)
        scores = numpy.empty((users, count), numpy.float32)
        failed = self.library.recommend(self.handle, users, batch.offsets, batch.items, count, items, scores)
        self.library.check(failed < 0)
        return items, scores

    def score(self, history: numpy.ndarray, candidates: numpy.ndarray) -> numpy.ndarray:
        scores = numpy.empty(len(candidates), numpy.float32)
        failed = self.library.score(self.handle, len(history), history, len(candidates), candidates, scores)
        self.library.check(failed < 0)
        return scores
