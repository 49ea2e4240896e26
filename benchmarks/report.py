#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/performance.md and its pictures from the measurements in docs/performance/.

report.py          writes them
report.py --check  compares them with what is there, and fails where they differ
report.py --take KERNELS PEERS SCALING RECBOLE
                   first takes new measurements: what ./benchmarks/run, --peers, --scaling and --recbole wrote with
                   --json; "-" keeps those that are there
"""

import argparse
import json
import pathlib
import re
import sys

from charts import Bar, Curve, bars, plot

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail where the page is not what the data make")
    parser.add_argument("--take", nargs=4, metavar=("KERNELS", "PEERS", "SCALING", "RECBOLE"),
                        help="new measurements, or -")
    parser.add_argument("--docs", type=pathlib.Path, default=DOCS, help="the folder of performance.md")
    arguments = parser.parse_args()
    if arguments.take:
        take(arguments.docs / "performance", *arguments.take)
    made = {arguments.docs / name: content for name, content in make(arguments.docs / "performance").items()}
    if arguments.check:
        stale = [path.name for path, content in made.items() if not path.exists() or path.read_text() != content]
        if stale:
            sys.exit(f"error: not what benchmarks/report.py makes of docs/performance/*.json: {', '.join(stale)}")
        return
    for path, content in made.items():
        path.write_text(content)


def take(data: pathlib.Path, kernels: str, peers: str, scaling: str, recbole: str) -> None:
    if kernels != "-":
        write(data / "kernels.json", slim(json.loads(pathlib.Path(kernels).read_text())))
    for name, path in (("peers", peers), ("scaling", scaling), ("recbole", recbole)):
        if path != "-":
            write(data / f"{name}.json", json.loads(pathlib.Path(path).read_text()))


def write(path: pathlib.Path, document: dict) -> None:
    path.write_text(json.dumps(rounded(document), indent=1) + "\n")


def rounded(value):
    """Four figures are more than any of these numbers has."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value


def slim(report: dict) -> dict:
    """Of Google Benchmark's report what the page needs. A thread's own processor time, but what several share by the
    clock."""
    lines = []
    for run in report["benchmarks"]:
        if run.get("error_occurred"):
            sys.exit(f"error: {run['name']}: {run['error_message']}")
        shared = run["name"].endswith("/real_time")
        unit = {"ns": 1e-3, "us": 1.0, "ms": 1e3}[run["time_unit"]]
        line = dict(name=run["name"], us=unit * run["real_time" if shared else "cpu_time"])
        for name, key in (("flop/s", "flops"), ("bytes/s", "bytes"), ("%peak", "percent")):
            if name in run:
                line[key] = run[name]
        lines.append(line)
    context = {name: report["context"][name] for name in report["context"]
               if name.startswith(("commit", "compiled for", "peak of", "lost"))}
    return dict(context=dict(date=report["context"]["date"][:10], load=report["context"]["load_avg"][0], **context),
                benchmarks=lines)


def make(data: pathlib.Path) -> dict[str, str]:
    """Every file of the page, by its path in the folder of documents."""
    kernels, peers, scaling, recbole = (json.loads((data / f"{name}.json").read_text())
                                        for name in ("kernels", "peers", "scaling", "recbole"))
    by_kind = {kind: [one for one in peers["workloads"] if one["kind"] == kind] for kind in ("training", "serving")}
    sections = [
        introduction(peers, kernels),
        "## Training steps\n\n" + training_table(by_kind["training"]),
        "![How many times as fast as PyTorch](performance/training.svg)\n",
        "## Requests\n\n" + serving_table(by_kind["serving"]),
        "![How many times as fast as PyTorch and ONNX Runtime](performance/serving.svg)\n",
        "## Trainings beside RecBole\n\n" + recbole_text(recbole),
        "## Where a step's time goes\n\n" + (data / "where_time_goes.md").read_text(),
        "## Kernels\n\n" + kernel_table(kernels),
        "![Kernels under the roofs of arithmetic and memory](performance/roofline.svg)\n",
        "## Growth\n\n" + growth_text(scaling),
    ]
    return {
        "performance.md": "\n".join(sections),
        "performance/training.svg": ratio_bars("Training steps, seqrec = 1", by_kind["training"]),
        "performance/serving.svg": ratio_bars("Requests, seqrec = 1", by_kind["serving"]),
        "performance/roofline.svg": roofline(kernels),
        **growth_pictures(scaling),
    }


def introduction(peers: dict, kernels: dict) -> str:
    machine, versions = peers["machine"], peers["versions"]
    others = ", ".join(f"{label} {versions[name]}" for name, label in
                       (("torch", "PyTorch"), ("onnxruntime", "ONNX Runtime")) if name in versions)
    return f"""# Performance

<!-- Made by benchmarks/report.py from docs/performance/*.json: do not edit. -->

Ratios to a peer in the same run, and shares of the multiply-adds that the processor did in registers in the same run: these
carry over from machine to machine, milliseconds do not. Every row was first checked: both sides compute the same loss and the
same gradients, or the same scores, from the same weights. How that is done, and what "plain" and "expert" mean, is told in
`benchmarks/peer/README.md`. Times are medians; "by the fastest" compares everybody's fastest call, which suffers least from
other programs.

{peers["date"]}, commit {peers["commit"]}; {machine["processor"]}, {machine["cores"]} cores, {machine["vectors"]}, \
{machine["system"]}; {others}; {peers["threads"]} threads, float. The load average when it began, in which what ran \
just before counts too, was {peers["load"]:.1f} ({kernels["context"]["load"]:.1f} for the kernels).

```sh
./benchmarks/run --json kernels.json
SEQREC_DATA=DIR ./benchmarks/run --peers --json peers.json
./benchmarks/run --scaling --json scaling.json
SEQREC_DATA=DIR ./benchmarks/run --recbole --json recbole.json
python3 benchmarks/report.py --take kernels.json peers.json scaling.json recbole.json
```
"""


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def fastest(result: dict) -> dict:
    return min(others(result), key=lambda row: row["median_ms"])


def others(result: dict) -> list[dict]:
    return [row for row in result["contenders"] if row["side"] != "seqrec"]


def milliseconds(row: dict) -> str:
    value = row["median_ms"]
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def training_table(results: list[dict]) -> str:
    rows = []
    for result in results:
        ours, best = result["contenders"][0], fastest(result)
        plain = next(row for row in others(result) if row["side"] == "plain")
        rows.append([
            result["title"], milliseconds(ours), milliseconds(plain), milliseconds(best),
            f"{result['plain_ratio']:.1f}x", f"**{result['best_ratio']:.1f}x**",
            f"{result['best_ratio_fastest']:.1f}x", f"{ours['gflops']:.0f}", f"{ours['of_peak']:.0%}",
            f"{ours['of_peak_fastest']:.0%}", best["label"].removeprefix("PyTorch "),
        ])
    return table(["step", "seqrec ms", "plain ms", "best ms", "plain / ours", "best / ours", "by the fastest",
                  "GFLOP/s", "of peak", "by the fastest", "best PyTorch"], rows)


def serving_table(results: list[dict]) -> str:
    rows = []
    for result in results:
        ours, best = result["contenders"][0], fastest(result)
        plain = next(row for row in others(result) if row["side"] == "plain")
        rows.append([
            result["title"], milliseconds(ours), f"{ours['p99_ms']:.3g}", milliseconds(plain), milliseconds(best),
            f"{result['plain_ratio']:.1f}x", f"**{result['best_ratio']:.1f}x**",
            f"{result['best_ratio_fastest']:.1f}x", f"{ours['of_peak']:.0%}", best["label"],
        ])
    return table(["request", "seqrec ms", "p99", "plain ms", "best ms", "plain / ours", "best / ours", "by the fastest",
                  "of peak", "best other"], rows)


def recbole_text(recbole: dict) -> str:
    rows, reached = [], []
    for run in recbole["runs"]:
        for name, side in (("RecBole", run["recbole"]), ("seqrec", run["seqrec"])):
            rows.append([f"{run['title']}: {name}", f"{side['parameters']:,}", f"{side['targets']:,}",
                         f"{side['epoch_seconds']:.3g}", f"{side['targets_per_second']:,.0f}", f"{len(side['ndcg'])}",
                         f"{max(side['ndcg']):.4f}"])
        ours, theirs = (run[name]["level_seconds"] for name in ("seqrec", "recbole"))
        reached.append(f"- **{run['title'].split(',')[0]}**: an NDCG@10 of {run['level']:.4f} on validation, what the worse of both became, after "
                       f"{ours:.1f} s by seqrec and {theirs:.0f} s by\n  RecBole: **{theirs / ours:.0f} times as long**.")
    versions = recbole["versions"]
    return (f"RecBole {versions['recbole']} on PyTorch {versions['torch']}, {recbole['data']}, {recbole['threads']} threads, commit "
            f"{recbole['commit']}: whole epochs with their batches, negatives and\na validation after each, on the same interactions with "
            "the same items held out. How both sides are set, and where they differ, is\ntold in `benchmarks/recbole/README.md`.\n\n"
            + table(["model, by", "parameters", "targets an epoch", "s an epoch", "targets/s", "epochs", "best NDCG@10"], rows)
            + "\n" + "\n".join(reached) + "\n")


def ratio_bars(title: str, results: list[dict]) -> str:
    rows = [Bar(result["title"], [result["plain_ratio"], result["best_ratio"]],
                [f"{result[name]:.1f}" for name in ("plain_ratio", "best_ratio")]) for result in results]
    return bars(title, ["plain PyTorch", "the best other"], rows)


def kernel_table(kernels: dict) -> str:
    """Every op with its own arithmetic, beside its baselines of the same sizes."""
    runs = {run["name"]: run for run in kernels["benchmarks"]}
    rows = []
    for name, run in runs.items():
        if "/cpu/f32/" not in name or "percent" not in run:
            continue
        ratios = []
        pattern = re.compile(re.escape(name).replace(re.escape("/cpu/f32/"), "/([a-z_]+)/f32/") + "$")
        for other, beside in runs.items():
            found = pattern.match(other)
            if found and found.group(1) != "cpu":
                ratios.append(f"{beside['us'] / run['us']:.1f}x {found.group(1).replace('_', ' ')}")
        op, size = name.split("/cpu/f32/")
        rows.append([f"`{op}` {size.removesuffix('/real_time').replace('/', ' ')}", duration(run["us"]),
                     f"{run['flops'] / 1e9:.0f}", f"{run['percent']:.0f} %", ", ".join(ratios)])
    context = kernels["context"]
    return (f"Commit {context['commit']}, compiled for {context['compiled for']}; peak {context['peak of 1 thread']} of one thread, "
            f"{context['peak of 2 threads']} of two. As fast as a baseline that computes the same:\n\n"
            + table(["op", "time", "GFLOP/s", "of peak", "beside"], rows))


def duration(us: float) -> str:
    return f"{us / 1e3:.3g} ms" if us >= 1e3 else f"{us:.3g} us"


def roofline(kernels: dict) -> str:
    runs = kernels["benchmarks"]
    peak = 1e9 * float(kernels["context"]["peak of 1 thread"].split()[0])
    memory = {run["name"].rsplit(":", 1)[1]: run["bytes"] for run in runs if run["name"].startswith("memory/read/")}
    names = dict(zip(sorted(memory, key=int), ("first cache", "second cache", "what is beyond")))
    ours = [run for run in runs if "flops" in run and "bytes" in run and "/cpu/f32/" in run["name"]]

    def points(bfloat16: bool) -> list[tuple[float, float]]:
        return [(run["flops"] / run["bytes"], run["flops"] / 1e9) for run in ours if ("bfloat16" in run["name"]) == bfloat16]

    intensities = [x for x, _ in points(False) + points(True)]
    low, high = min(intensities), max(intensities)
    curves = [Curve("kernels of one thread", points(False), line=False)]
    if points(True):
        curves.append(Curve("with products in bfloat16, whose roof is higher", points(True), line=False))
    for size, name in names.items():
        corner = peak / memory[size]
        # Where a roof of memory meets that of arithmetic, it ends.
        xs = [x for x in (low, corner, high) if x >= low] if corner > low else [low, high]
        curves.append(Curve(f"roof: reading {name}, {memory[size] / 1e9:.0f} GB/s",
                            sorted({(x, min(peak, x * memory[size]) / 1e9) for x in xs}), marks=False))
    return plot("Kernels under their roofs", "operations a byte of operands and results", "GFLOP/s", curves)


def series_of(scaling: dict, name: str) -> tuple[dict, dict[str, list[float]]]:
    """A series, and its columns by name."""
    series = next(one for one in scaling["series"] if one["name"] == name)
    return series, {column: [point[i] for point in series["points"]] for i, column in enumerate(series["columns"])}


def growth_text(scaling: dict) -> str:
    _, tokens = series_of(scaling, "step_by_tokens")
    _, items = series_of(scaling, "step_by_items")
    _, memory = series_of(scaling, "memory_over_steps")
    _, evaluation = series_of(scaling, "evaluation_by_items")
    per_token = [1e3 * ms / n for ms, n in zip(tokens["fastest_ms"], tokens["tokens"])]
    per_item = [1e3 * ms / n for ms, n in zip(evaluation["fastest_ms"], evaluation["items"])]
    settled = memory["resident_mb"][1:]
    beyond = items["resident_mb"][-1] / items["weights_and_moments_mb"][-1] - 1
    return f"""Each point is the fastest of its calls, {scaling["threads"]} threads.

- **A step by its tokens**: {per_token[0]:.2f} us a token at {tokens["tokens"][0]:,.0f} tokens, {per_token[-1]:.2f} at \
{tokens["tokens"][-1]:,.0f}.
- **A step by the catalogue**, lazy rows: {items["fastest_ms"][-1] / items["fastest_ms"][0]:.1f} times as long with \
{items["items"][-1]:,.0f} items as with {items["items"][0]:,.0f};
  resident memory {beyond:+.1%} beyond weights and moments.
- **Memory over training**: {min(settled):.1f} MB to {max(settled):.1f} MB between steps {memory["steps"][1]:,.0f} and \
{memory["steps"][-1]:,.0f}.
- **An evaluation by the catalogue**: {per_item[0]:.2f} us an item at {evaluation["items"][0]:,.0f} items, {per_item[-1]:.2f} at \
{evaluation["items"][-1]:,.0f}; at most
  {max(evaluation["workspace_mb"]):.1f} MB beyond the model.

![A step by its tokens](performance/step_by_tokens.svg)
![A step by the catalogue](performance/step_by_items.svg)
![Memory over training](performance/memory_over_steps.svg)
![An evaluation by the catalogue](performance/evaluation_by_items.svg)
"""


def growth_pictures(scaling: dict) -> dict[str, str]:
    pictures = {}
    for name, x in (("step_by_tokens", "tokens"), ("step_by_items", "items"), ("evaluation_by_items", "items")):
        series, columns = series_of(scaling, name)
        points = list(zip(columns[x], columns["fastest_ms"]))
        (x0, y0), (x1, y1) = points[0], points[-1]
        if name == "step_by_items":  # it should follow the rows that a step touches
            beside = Curve("twice the first", [(x0, 2 * y0), (x1, 2 * y0)], marks=False)
        else:
            beside = Curve("proportional", [(x0, y1 * x0 / x1), (x1, y1)], marks=False)
        pictures[f"performance/{name}.svg"] = plot(series["title"], x, "ms", [Curve("measured", points), beside])
    series, columns = series_of(scaling, "memory_over_steps")
    points = list(zip(columns["steps"], columns["resident_mb"]))
    pictures["performance/memory_over_steps.svg"] = plot(series["title"], "steps", "MB resident",
                                                         [Curve("the process", points, marks=False)], log=False)
    return pictures


if __name__ == "__main__":
    main()
