# SPDX-License-Identifier: Apache-2.0
"""What a race ends in: tables for the terminal, JSON for docs/performance.md."""

import datetime
import json
import os
import pathlib
import platform
import subprocess


def judged(result: dict) -> dict:
    """The result with ratios to PyTorch's and ONNX Runtime's times, and the share of the processor's peak."""
    ours = next(row for row in result["contenders"] if row["side"] == "seqrec")
    for row in result["contenders"]:
        row["gflops"] = result["flops"] / row["median_ms"] / 1e6
        row["of_peak"] = 1e9 * row["gflops"] / result["peak_flops"]
    others = [row for row in result["contenders"] if row["side"] != "seqrec"]
    plain = [row["median_ms"] for row in others if row["side"] == "plain"]
    ours["of_peak_fastest"] = ours["of_peak"] * ours["median_ms"] / ours["fastest_ms"]
    if others:
        result["best_ratio"] = min(row["median_ms"] for row in others) / ours["median_ms"]
        # Of everybody's fastest call: what suffers least from other programs.
        result["best_ratio_fastest"] = min(row["fastest_ms"] for row in others) / ours["fastest_ms"]
    if plain:
        result["plain_ratio"] = plain[0] / ours["median_ms"]
    return result


def print_result(result: dict) -> None:
    serves = result["kind"] == "serving"
    print(f"work      {result['flops'] / 1e9:.3g} GFLOP without padding; peak {result['peak_flops'] / 1e9:.0f} GFLOP/s\n")
    print(f"{'median ms':>10} {'p99' if serves else 'quartiles':>15} {'fastest':>8} {'GFLOP/s':>8} {'of peak':>8}")
    for row in result["contenders"]:
        spread = f"{row['lower_quartile_ms']:.3g}..{row['upper_quartile_ms']:.3g}"
        if serves:
            spread = f"{row['p99_ms']:.3g}"
        print(f"{row['median_ms']:>10.4g} {spread:>15} {row['fastest_ms']:>8.3g} {row['gflops']:>8.1f} "
              f"{row['of_peak']:>8.0%}  {row['label']}")
    if "best_ratio" in result:
        print(f"\nseqrec takes 1/{result['plain_ratio']:.1f} of plain PyTorch's time, 1/{result['best_ratio']:.1f} of "
              f"the best other's; 1/{result['best_ratio_fastest']:.1f} by everybody's fastest call\n")


def print_summary(results: list[dict]) -> None:
    print(f"{'':<52} {'ms':>8} {'plain / ours':>13} {'best / ours':>12} {'fastest':>8} {'GFLOP/s':>8} {'of peak':>8}")
    for result in results:
        ours = result["contenders"][0]
        ratios = [f"{result[name]:.1f}x" if name in result else "-"
                  for name in ("plain_ratio", "best_ratio", "best_ratio_fastest")]
        print(f"{result['title']:<52} {ours['median_ms']:>8.4g} {ratios[0]:>13} {ratios[1]:>12} {ratios[2]:>8} "
              f"{ours['gflops']:>8.1f} {ours['of_peak']:>8.0%}")


def circumstances(threads: int, versions: dict[str, str]) -> dict[str, object]:
    """What the machine and the sources are when the race begins."""
    return dict(
        date=datetime.date.today().isoformat(), commit=commit(), machine=machine(), threads=threads,
        load=os.getloadavg()[0], versions=versions,
    )


def write(path: pathlib.Path, results: list[dict], begun: dict[str, object]) -> None:
    document = dict(begun, workloads=results)
    path.write_text(json.dumps(document, indent=1) + "\n")


def machine() -> dict[str, object]:
    names = [
        line.split(":", 1)[1].strip()
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(("model name", "flags"))
    ]
    flags = names[1].split() if len(names) > 1 else []
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else platform.machine()
    return dict(processor=names[0] if names else platform.processor(), cores=os.cpu_count(), vectors=vectors,
                system=platform.platform(terse=True))


def commit() -> str:
    """The short hash of what is raced, with "+" where files differ from it."""
    here = pathlib.Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "../../include", "..")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")
