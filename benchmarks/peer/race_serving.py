# SPDX-License-Identifier: Apache-2.0
"""One workload of requests: contenders, check, clock."""

import pathlib
import statistics
import tempfile

import numpy
import torch

import check
import timing
import torch_din
import torch_serving
from batches import Batch, Histories, pack
from onnx_serving import OnnxServing, onnxruntime
from race_training import Plan
from seqrec_library import Library, Seqrec
from torch_serving import BEST, Request, TorchServing
from torch_training import as_seqrec, randomise
from workloads import Serving

CALLS_OF_ONE_USER = 25  # for each step of a training workload: a request takes a fraction of a millisecond


class SeqrecServing:
    """A model with prepared requests."""

    def __init__(self, library: Library, workload: Serving, options: dict[str, object], threads: int,
                 requests: list[Request], named: dict[str, numpy.ndarray]):
        self.side, self.label = "seqrec", f"seqrec, {threads} thread{'s' if threads > 1 else ''}"
        objective = "click" if workload.candidates else "softmax"
        self.model = Seqrec(library, workload.family, options, objective, threads)
        if named:
            self.model.set_parameters(named)
        self.requests = requests

    def run(self, number: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        return self.answer(number)

    def answer(self, number: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        request = self.requests[number]
        if len(request.candidates):
            return self.model.score(request.histories.items, request.candidates), numpy.empty(0)
        items, scores = self.model.recommend(request.histories, BEST)
        return scores, items


def race(workload: Serving, library: Library, plan: Plan) -> dict[str, object]:
    """@throws check.Disagreement"""
    requests, source, items = make_requests(workload, plan)
    options = {**workload.options, "items": items, "dropout": 0}
    rows = statistics.mean(request.histories.rows for request in requests)
    print(f"data      {source}: {len(requests)} requests, {rows:.0f} rows each")
    reference = torch_serving.make_module(workload, options, "split" if workload.candidates else "explicit")
    randomise(reference.model)
    weights = reference.model.state_dict()
    named = {name: as_seqrec(name, value.detach()) for name, value in reference.model.named_parameters()}
    # One history of SASRec is too little work for two threads.
    threads = [1] if workload.users == 1 and not workload.candidates else [plan.threads]
    contenders: list = [SeqrecServing(library, workload, options, n, requests, named) for n in threads]
    with tempfile.TemporaryDirectory() as folder:
        if plan.pytorch:
            contenders += [
                TorchServing(workload, options, *style, requests, weights) for style in styles(workload, plan)
            ]
            if onnxruntime:
                contenders += onnx_contenders(workload, options, plan, requests, weights, pathlib.Path(folder))
        checked = compare(contenders, len(requests))
        calls = plan.steps * (CALLS_OF_ONE_USER if workload.users == 1 and not workload.candidates else 1)
        times, peak = timing.race(
            contenders, lambda contender, number: contender.run(number % len(requests)), plan.rounds, calls,
            lambda: library.peak_flops(plan.threads),
        )
    flops = statistics.mean(useful_flops(workload, request.histories) for request in requests)
    return dict(
        name=workload.name, title=workload.title, kind="serving", source=source, rows=rows, flops=flops,
        peak_flops=peak, check=checked,
        contenders=[
            dict(side=contender.side, label=contender.label, **timing.summary(times[contender.label]))
            for contender in contenders
        ],
    )


def styles(workload: Serving, plan: Plan) -> list[tuple[str, str, str, int]]:
    """side, label, form and groups of histories"""
    if workload.candidates:
        found = [("plain", "PyTorch plain", "plain", 1),
                 ("expert", "PyTorch expert: first layer split", "split", 1),
                 ("compiled", "PyTorch compiled, first layer split", "split", 1)]
    else:
        found = [("plain", "PyTorch plain: nn.MultiheadAttention", "module", 1),
                 ("expert", "PyTorch expert: sdpa attention", "sdpa", 1)]
        if workload.users > 1:
            found.append(("expert", "PyTorch expert: sdpa attention, 4 length buckets", "sdpa", 4))
        else:
            found.append(("compiled", "PyTorch compiled, sdpa attention", "sdpa", 1))
    return [style for style in found if plan.compiled or style[0] != "compiled"]


def onnx_contenders(workload: Serving, options: dict[str, object], plan: Plan, requests: list[Request],
                    weights: dict[str, torch.Tensor], folder: pathlib.Path) -> list[OnnxServing]:
    path = folder / "weights.pt"
    torch.save(weights, path)
    found = []
    for form in ("plain", "split") if workload.candidates else ("explicit", "sdpa"):
        for threads in sorted({1, plan.threads} if workload.users == 1 else {plan.threads}):
            try:
                found.append(OnnxServing(workload, options, form, threads, requests, path, folder))
            except RuntimeError as error:
                print(f"note      ONNX Runtime, {form}: {error}")
                break
    return found


def make_requests(workload: Serving, plan: Plan) -> tuple[list[Request], str, int]:
    random = numpy.random.default_rng(plan.seed)
    max_length, items = int(workload.options["max_length"]), int(workload.options["items"])
    histories = Histories("ml-1m", items, max_length, random)
    requests = []
    for _ in range(plan.batches):
        if workload.length:
            length = workload.length
            batch = Batch(random.integers(items, size=length, dtype=numpy.int32),
                          numpy.array([0, length], numpy.int32), numpy.zeros((1, 2), numpy.int32))
        else:
            batch = pack(histories.batch(workload.users), "click", items, random)
            items = histories.items
        candidates = random.integers(items, size=workload.candidates, dtype=numpy.int32)
        requests.append(Request(batch, candidates))
    source = f"histories of {workload.length} random items" if workload.length else histories.source
    return requests, source, items


def compare(contenders: list, requests: int) -> dict[str, float]:
    """All answers of all sides."""
    worst = 0.0
    ours, *others = contenders
    for number in range(requests):
        scores, items = ours.answer(number)
        for other in others:
            other_scores, other_items = other.answer(number)
            worst = max(worst, check.same_scores(f"{ours.label} and {other.label}", scores, other_scores))
            if items.size and numpy.mean(items == other_items) < 0.95:  # equal scores may change places
                raise check.Disagreement(f"{ours.label} and {other.label} recommend different items")
    if others:
        print(f"check     same weights: scores of all {len(contenders)} sides agree to {worst:.1e} of the largest")
    return dict(scores=worst) if others else {}


def useful_flops(workload: Serving, batch: Batch) -> float:
    """Without padding; of SASRec's last block only the last row, of DIN's attention the first layer factored."""
    options, lengths = workload.options, batch.lengths.astype(float)
    width, rows = int(options["width"]), batch.rows
    if workload.candidates:
        attention = torch_din.widths(options["attention_hidden"])
        pair = 2 * width * attention[0] + torch_din.chain([*attention, 1]) + 2 * width
        network = torch_din.chain([3 * width, *torch_din.widths(options["hidden"]), 1])
        return workload.candidates * (rows * pair + 4 * width * attention[0] + network)
    earlier = int(options["blocks"]) - 1
    whole = earlier * (12 * width * width * rows + 4 * width * (lengths * (lengths + 1) / 2).sum())
    last = 4 * width * width * rows + batch.users * 8 * width * width + 4 * width * rows
    return whole + last + batch.users * 2 * width * int(options["items"])
