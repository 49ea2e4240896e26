#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes the golden vectors beside this file with PyTorch, in float64.

What PyTorch has (layer norm, multi-head attention, losses, Adam) computes the numbers that are written; a second,
plainly written formula must agree before anything is written, so that a file states what PyTorch says *and* what the
documentation says. README.md lists the files and their tensors; cases/ makes them.

  python generate.py            write the files
  python generate.py --check    recompute and compare with the files, writing nothing
"""

import argparse
import json
import pathlib
import struct
import sys
import zlib

import safetensors
import torch

from cases import CASES

FOLDER = pathlib.Path(__file__).resolve().parent
REPRODUCTION = 1e-12  # the same number from another processor's instruction set


def serialise(tensors, metadata):
    """The bytes of a safetensors file. Written here because the package writes metadata in a random order."""
    codes = {torch.float64: "F64", torch.int32: "I32"}
    header, body = {"__metadata__": {key: str(metadata[key]) for key in sorted(metadata)}}, b""
    for name in sorted(tensors, key=lambda n: (-tensors[n].element_size(), n)):  # so that every tensor is aligned
        values = tensors[name].detach().contiguous()
        content = values.numpy().tobytes()
        header[name] = {
            "dtype": codes[values.dtype],
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(content)],
        }
        body += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def differences(path, tensors, metadata):
    """What a file says differently, as sentences."""
    if not path.exists():
        return ["is missing"]
    found = []
    with safetensors.safe_open(path, framework="pt") as file:
        if file.metadata() != {key: str(value) for key, value in metadata.items()}:
            found.append(f"has metadata {file.metadata()}, expected {metadata}")
        if sorted(file.keys()) != sorted(tensors):
            return found + [f"has tensors {sorted(file.keys())}, expected {sorted(tensors)}"]
        for name, expected in tensors.items():
            given, expected = file.get_tensor(name), expected.detach()
            if given.dtype != expected.dtype or given.shape != expected.shape:
                found.append(f"{name} is {given.dtype} {list(given.shape)}")
                continue
            error = (given - expected).abs().max().item()
            if not error <= REPRODUCTION * max(1.0, expected.abs().max().item()):
                found.append(f"{name} differs by {error:.3g}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    torch.set_num_threads(1)  # the order of sums must not depend on the machine's cores
    torch.use_deterministic_algorithms(True)
    failed = total = 0
    for name in sorted(CASES):
        torch.manual_seed(zlib.crc32(name.encode()))  # its own seed: a new case leaves the others as they are
        tensors, metadata = CASES[name]()
        path = FOLDER / f"{name}.safetensors"
        content = serialise(tensors, metadata)
        if not check:
            path.write_bytes(content)
        found = differences(path, tensors, metadata)  # after writing too: the package must read what we wrote
        for sentence in found:
            print(f"{path.name}: {sentence}", file=sys.stderr)
        same = "differs" if found else "same bytes" if path.read_bytes() == content else "same but for rounding"
        print(f"{path.name}: {len(content)} bytes, {same if check else 'written'}")
        failed += bool(found)
        total += len(content)
    print(f"{len(CASES)} files, {total} bytes" + (f", {failed} differ" if check else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
