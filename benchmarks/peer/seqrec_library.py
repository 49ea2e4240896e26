# SPDX-License-Identifier: Apache-2.0
"""libseqrec_peer.so, whose functions sasrec_step.cpp, readers.cpp and peak.cpp define."""

import ctypes
import os

import numpy


class Options(ctypes.Structure):
    """What both sides are told about the model and its training; Options in sasrec_step.cpp."""

    _fields_ = [
        ("items", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("blocks", ctypes.c_int32),
        ("heads", ctypes.c_int32),
        ("max_length", ctypes.c_int32),
        ("threads", ctypes.c_int32),
        ("dropout", ctypes.c_double),
        ("learning_rate", ctypes.c_double),
        ("seed", ctypes.c_uint64),
    ]

    def replaced(self, **changes):
        values = {name: getattr(self, name) for name, _ in self._fields_}
        return Options(**{**values, **changes})


class PeerLibrary:
    def __init__(self, path):
        self.functions = ctypes.CDLL(str(path))
        self.declare("last_error", ctypes.c_char_p)

    def declare(self, name, result, *arguments):
        function = getattr(self.functions, "seqrec_peer_" + name)
        function.restype, function.argtypes = result, arguments
        setattr(self, name, function)

    def check(self, failed):
        if failed:
            raise RuntimeError(self.last_error().decode())


class ReaderLibrary(PeerLibrary):
    """What readers.py needs of it."""

    def __init__(self, path):
        super().__init__(path)
        self.declare("read", ctypes.c_int64, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int32), ctypes.c_int64)

    def load(self, path):
        """Reads a data set and drops it."""
        self.check(self.read(os.fsencode(path), None, 0) < 0)

    def items(self, path, count):
        """The items of all users in order."""
        items = numpy.empty(count, numpy.int32)
        pointer = items.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self.check(self.read(os.fsencode(path), pointer, count) < 0)
        return items


class Library(PeerLibrary):
    """What sasrec_step.py needs of it."""

    def __init__(self, path):
        super().__init__(path)
        integers, reals = (numpy.ctypeslib.ndpointer(kind, flags="C_CONTIGUOUS") for kind in ("int32", "float32"))
        handle, text = ctypes.c_void_p, ctypes.c_char_p
        self.declare("create", handle, ctypes.POINTER(Options))
        self.declare("destroy", None, handle)
        self.declare("parameter_count", ctypes.c_int64, handle)
        self.declare("set_parameter", ctypes.c_int32, handle, text, reals, ctypes.c_int64)
        self.declare("add_batch", ctypes.c_int32, handle, ctypes.c_int32, integers, integers, integers)
        self.declare("step", ctypes.c_int32, handle, ctypes.c_int32, ctypes.POINTER(ctypes.c_double))
        self.declare("peak_flops", ctypes.c_double, ctypes.c_int32)


class SeqrecStep:
    """A model, its optimiser and its prepared batches, as TorchStep has them."""

    label = "seqrec"

    def __init__(self, library, options, batches):
        self.library = library
        self.handle = library.create(ctypes.byref(options))
        library.check(self.handle is None)
        for batch in batches:
            users = len(batch.offsets) - 1
            library.check(library.add_batch(self.handle, users, batch.offsets, batch.items, batch.next) < 0)

    def __del__(self):
        if getattr(self, "handle", None) is not None:
            self.library.destroy(self.handle)

    def set_parameters(self, named):
        """@throws RuntimeError unless `named` are exactly the model's parameters"""
        count = 0
        for name, values in named:
            self.library.check(self.library.set_parameter(self.handle, name.encode(), values, values.size) < 0)
            count += 1
        expected = self.library.parameter_count(self.handle)
        if count != expected:
            raise RuntimeError(f"PyTorch's model has {count} parameters, seqrec's {expected}")

    def step(self, index):
        """One training step; returns its loss."""
        loss = ctypes.c_double()
        self.library.check(self.library.step(self.handle, index, ctypes.byref(loss)) < 0)
        return loss.value
