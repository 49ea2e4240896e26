# SPDX-License-Identifier: Apache-2.0
"""The same requests answered by ONNX Runtime.

As a program, `onnx_serving.py WORKLOAD OPTIONS FORM WEIGHTS FILE SHAPE...`, it exports a module for inputs of these
shapes. That is done in a process of its own, because the exporter changes the module that it is given.
"""

import json
import pathlib
import subprocess
import sys

import numpy
import torch

import torch_serving
import workloads
from workloads import Serving

try:
    import onnxruntime
except ImportError:
    onnxruntime = None


class OnnxServing:
    """A module in ONNX Runtime with prepared requests, all of them of the same shapes."""

    def __init__(self, workload: Serving, options: dict[str, object], form: str, threads: int,
                 requests: list[torch_serving.Request], weights: pathlib.Path, folder: pathlib.Path):
        """@throws RuntimeError where PyTorch cannot export the module"""
        self.side, self.label = "onnxruntime", f"ONNX Runtime, {form}, {threads} thread{'s' if threads > 1 else ''}"
        self.workload = workload
        self.requests = [torch_serving.inputs(workload, request, 1) for request in requests]
        self.users = [request.histories.users for request in requests]
        path = folder / f"{workload.name}-{form}.onnx"
        if not path.exists():
            shapes = ["x".join(map(str, array.shape)) for array in self.requests[0][0][0]]
            export(workload, options, form, weights, path, shapes)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        names = [one.name for one in self.session.get_inputs()]
        self.feeds = [
            dict(zip(names, (array.numpy() for array in arrays))) for ((arrays, _),) in self.requests
        ]

    def run(self, number: int) -> list:
        return self.session.run(None, self.feeds[number])

    def answer(self, number: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        found = self.run(number)
        return torch_serving.collect(
            self.workload, self.users[number], self.requests[number],
            [found[0] if self.workload.candidates else found],
        )


def export(workload: Serving, options: dict[str, object], form: str, weights: pathlib.Path, path: pathlib.Path,
           shapes: list[str]) -> None:
    command = [sys.executable, __file__, workload.name, json.dumps(options), form, str(weights), str(path), *shapes]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError("the exporter failed: " + (done.stderr.strip().splitlines() or ["without a word"])[-1])


def main() -> None:
    name, options, form, weights, path, *shapes = sys.argv[1:]
    workload = next(one for one in workloads.SERVING if one.name == name)
    module = torch_serving.make_module(workload, json.loads(options), form)
    module.model.load_state_dict(torch.load(weights))
    examples = tuple(
        torch.ones([int(extent) for extent in shape.split("x")], dtype=torch.int64) for shape in shapes
    )
    torch.onnx.export(module, examples, path, dynamo=True, external_data=False)


if __name__ == "__main__":
    main()
