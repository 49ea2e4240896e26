# SPDX-License-Identifier: Apache-2.0
"""The clock: contenders take turns in blocks, because their spinning threads would fight over the cores call by call."""

import statistics
import time
from collections.abc import Callable, Sequence

import numpy


def race(contenders: Sequence, work: Callable[[object, int], object], rounds: int, calls: int,
         measure_peak: Callable[[], float] | None) -> tuple[dict[str, list[float]], float | None]:
    """Milliseconds of every call work(contender, number) by the contender's label, and the processor's peak."""
    times: dict[str, list[float]] = {contender.label: [] for contender in contenders}
    peaks = []
    for _ in range(rounds):
        if measure_peak:
            peaks.append(measure_peak())
        for contender in contenders:
            times[contender.label] += block(lambda number: work(contender, number), calls)
    return times, max(peaks, default=None)


def block(call: Callable[[int], object], calls: int) -> list[float]:
    """Milliseconds of that many calls, after one that wakes the threads and warms the caches."""
    call(0)
    times = []
    for number in range(calls):
        start = time.perf_counter()
        call(number)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def summary(values: list[float]) -> dict[str, float]:
    lower, median, upper = statistics.quantiles(values, n=4)
    return dict(
        median_ms=median, lower_quartile_ms=lower, upper_quartile_ms=upper, fastest_ms=min(values),
        p99_ms=float(numpy.quantile(values, 0.99)),
    )
