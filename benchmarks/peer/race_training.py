# SPDX-License-Identifier: Apache-2.0
"""One training workload: contenders, check, clock."""

import dataclasses
import importlib
import statistics
from types import ModuleType

import numpy

import check
import timing
from batches import Batch, Histories, pack
from seqrec_library import Library, Seqrec
from torch_training import GraphedTraining, Style, TorchTraining, autocast, graphed, randomise
from workloads import Training


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is timed, and whom."""

    threads: int
    batches: int
    rounds: int
    steps: int
    seed: int
    compiled: bool
    pytorch: bool
    gpu: bool = False


def make_batches(workload: Training, plan: Plan) -> tuple[list[Batch], str, int]:
    """The batches, a sentence on where their lengths come from, and the number of items."""
    random = numpy.random.default_rng(plan.seed)
    histories = Histories(workload.histories, workload.items, workload.max_length, random)
    batches = [
        pack(histories.batch(workload.users), workload.objective, histories.items, random)
        for _ in range(plan.batches)
    ]
    return batches, histories.source, histories.items


def race(workload: Training, library: Library, plan: Plan) -> dict[str, object]:
    """@throws check.Disagreement"""
    family = importlib.import_module("torch_" + workload.family)
    batches, source, items = make_batches(workload, plan)
    options = {**workload.options, "items": items}
    rows = statistics.mean(batch.rows for batch in batches)
    print(f"data      {source}: {len(batches)} batches of {workload.users} histories, {rows:.0f} rows each")
    styles = [style for style in family.styles(workload.objective) if plan.compiled or style.side != "compiled"]
    if plan.gpu:
        styles += graphed(styles)
        if workload.products == "bf16":
            styles += autocast(styles)
    if not plan.pytorch:
        styles = []
    checked = compare(family, workload, options, styles, batches[0], library, plan)

    contenders: list = [
        Seqrec(library, workload.family, options, workload.objective, plan.threads, batches, lazy, workload.products,
               graphs)
        for lazy in ((False, True) if workload.family == "din" else (False,))
        for graphs in ((False, True) if plan.gpu else (False,))
    ]
    for style in styles:
        if contender := prepared(family, options, workload.objective, style, batches):
            contenders.append(contender)
    times, peak = timing.race(
        contenders, lambda contender, number: contender.step(number % len(batches)), plan.rounds, plan.steps,
        lambda: library.peak_flops(plan.threads),
    )
    flops = statistics.mean(family.useful_flops(batch, options, workload.objective) for batch in batches)
    return dict(
        name=workload.name, title=workload.title, kind="training", source=source, rows=rows, flops=flops,
        peak_flops=peak, check=checked,
        contenders=[
            dict(side=contender.side, label=contender.label, **timing.summary(times[contender.label]))
            for contender in contenders
        ],
    )


def compare(family: ModuleType, workload: Training, options: dict[str, object], styles: list, batch: Batch,
            library: Library, plan: Plan) -> dict[str, float]:
    """Loss and gradients of all sides, from one set of random weights and without dropout.

    Where a unit lies at its ReLU's kink by chance, rounding decides about a whole row of a gradient. So sides whose
    gradients differ get other weights, twice: those that compute something else will not agree then, either.
    """
    exact = {**options, **{name: 0 for name in ("dropout", "state_dropout") if name in options}}
    sides = [
        TorchTraining(family, exact, workload.objective, style, [batch])
        for style in styles if style.side in ("plain", "expert")
    ]
    if not sides:
        return {}
    tolerance = check.ON_GPU[workload.products] if plan.gpu else check.TOLERANCE[workload.products]
    ours = Seqrec(library, workload.family, exact, workload.objective, plan.threads, [batch],
                  products=workload.products)
    for draws_left in (2, 1, 0):
        randomise(sides[0].model)
        for side in sides:
            side.model.load_state_dict(sides[0].model.state_dict())
            side.model.hide_padding = True
        expected = (ours.label, *ours.gradients(0, sides[0].parameters()))
        try:
            errors = [
                check.same_gradients(expected, (side.label, *side.gradients(0)), tolerance)
                for side in sides
            ]
            break
        except check.GradientsDiffer as disagreement:
            if draws_left == 0:
                raise
            print(f"note      {disagreement}; once more with other weights, as it may be a kink")
    loss, gradient = (max(column) for column in zip(*errors))
    print(f"check     same weights, no dropout: losses of all {len(sides) + 1} sides agree to {loss:.1e}, every "
          f"parameter's gradient to {gradient:.1e} of its length")
    return dict(loss=loss, gradient=gradient)


def prepared(family: ModuleType, options: dict[str, object], objective: str, style: Style,
             batches: list[Batch]) -> TorchTraining | None:
    """A contender that has compiled, or captured, what it will run for every batch, before the clock starts."""
    if style.side in ("plain", "expert"):
        return TorchTraining(family, options, objective, style, batches)
    try:
        kind = GraphedTraining if style.side == "graph" else TorchTraining
        contender = kind(family, options, objective, style, batches)
        for index in range(len(batches)):
            contender.step(index)
        return contender
    except Exception as error:  # compiling and capturing fail in many ways, and the race goes on without
        print(f"note      {style.label} cannot: {str(error).strip().splitlines()[0][:100]}")
        return None
