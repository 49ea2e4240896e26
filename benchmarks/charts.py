# SPDX-License-Identifier: Apache-2.0
"""Pictures as SVG: bars, and points and lines over logarithmic axes. The same numbers give the same bytes."""

import dataclasses
import math
from html import escape

COLOURS = ("#1f5fa8", "#c25a1a", "#3b8a4a", "#8a3b7c", "#777777")
FONT = 'font-family="sans-serif" font-size="12"'


@dataclasses.dataclass
class Bar:
    label: str
    values: list[float]  # one for each series
    texts: list[str]  # beside each bar


@dataclasses.dataclass
class Curve:
    label: str
    points: list[tuple[float, float]]
    line: bool = True
    marks: bool = True


def svg(width: int, height: int, body: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" {FONT}>'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="white"/>', *body, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = "#dddddd", width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def legend(x: float, y: float, labels: list[str]) -> list[str]:
    body = []
    for number, label in enumerate(labels):
        body.append(f'<rect x="{x:.1f}" y="{y + 18 * number - 9:.1f}" width="10" height="10" fill="{colour(number)}"/>')
        body.append(text(x + 16, y + 18 * number, label))
    return body


def colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def bars(title: str, series: list[str], rows: list[Bar]) -> str:
    """Horizontal bars over a logarithmic axis from 1: times as fast."""
    left, right, top, thick = 330, 60, 66, 11
    step = thick * len(series) + 9
    width, height = 900, top + step * len(rows) + 34
    largest = max((value for row in rows for value in row.values), default=1)
    decades = max(math.log10(max(largest, 10)), 1)

    def place(value: float) -> float:
        return left + (width - left - right) * max(math.log10(value), 0) / decades

    body = [text(16, 24, title, more=' font-size="15"'), *legend(left, 44, series[:1])]
    if len(series) > 1:
        body += [
            f'<rect x="{left + 200}" y="35" width="10" height="10" fill="{colour(1)}"/>',
            text(left + 216, 44, series[1]),
        ]
    for tick in (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000):
        if place(tick) <= width - right + 1 and tick <= largest * 1.2:
            body.append(line(place(tick), top - 8, place(tick), height - 28))
            body.append(text(place(tick), height - 12, f"{tick}x", "middle", ' fill="#555555"'))
    for number, row in enumerate(rows):
        y = top + step * number
        body.append(text(left - 8, y + step / 2, row.label, "end"))
        for place_of, (value, words) in enumerate(zip(row.values, row.texts)):
            bar_y = y + thick * place_of
            length = max(place(value) - left, 1)
            body.append(f'<rect x="{left}" y="{bar_y:.1f}" width="{length:.1f}" height="{thick - 2}" '
                        f'fill="{colour(place_of)}"/>')
            body.append(text(left + length + 4, bar_y + thick - 2, words, more=' font-size="10"'))
    return svg(width, height, body)


def nice_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 in each decade between the two, or powers of ten alone where these would be many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]


def even_ticks(high: float) -> list[float]:
    """From 0, four to ten of them, 1, 2 or 5 of some power of ten apart."""
    power = 10.0 ** math.floor(math.log10(high))
    step = next(step for step in (power / 10, power / 5, power / 2, power) if high / step < 10)
    return [step * number for number in range(int(high / step) + 1)]


def short(value: float) -> str:
    for limit, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


def plot(title: str, x_title: str, y_title: str, curves: list[Curve], log: bool = True) -> str:
    """Points and lines; both axes logarithmic, or both from 0."""
    width, height, left, right, top, bottom = 640, 400, 64, 24, 40, 46
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    if log:
        x_low, x_high, y_low, y_high = min(xs) / 1.3, max(xs) * 1.3, min(ys) / 1.5, max(ys) * 1.5
        x_ticks, y_ticks = nice_ticks(x_low, x_high), nice_ticks(y_low, y_high)
        scale = math.log10
    else:
        x_low, x_high, y_low, y_high = 0, max(xs) * 1.05, 0, max(ys) * 1.2
        x_ticks, y_ticks = even_ticks(x_high), even_ticks(y_high)
        scale = float

    def x_of(x: float) -> float:
        return left + (width - left - right) * (scale(x) - scale(x_low)) / (scale(x_high) - scale(x_low))

    def y_of(y: float) -> float:
        return height - bottom - (height - top - bottom) * (scale(y) - scale(y_low)) / (scale(y_high) - scale(y_low))

    body = [text(16, 22, title, more=' font-size="14"')]
    for tick in x_ticks:
        body += [line(x_of(tick), top, x_of(tick), height - bottom),
                 text(x_of(tick), height - bottom + 16, short(float(f"{tick:.3g}")), "middle")]
    for tick in y_ticks:
        body += [line(left, y_of(tick), width - right, y_of(tick)),
                 text(left - 6, y_of(tick) + 4, short(float(f"{tick:.3g}")), "end")]
    body += [text((left + width - right) / 2, height - 8, x_title, "middle"),
             text(14, (top + height - bottom) / 2, y_title, "middle",
                  f' transform="rotate(-90 14 {(top + height - bottom) / 2:.1f})"')]
    for number, curve in enumerate(curves):
        places = [(x_of(x), y_of(y)) for x, y in curve.points]
        if curve.line:
            body.append(f'<polyline fill="none" stroke="{colour(number)}" stroke-width="1.5" points="'
                        + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
        if curve.marks:
            body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour(number)}"/>' for x, y in places]
    labels = [curve.label for curve in curves]  # where growing curves leave room
    body += legend(width - right - 30 - 6.2 * max(map(len, labels)), height - bottom - 18 * len(labels), labels)
    return svg(width, height, body)
