#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the same models on the same data by RecBole and by seqrec, each from the data to its validated epochs, with
what belongs to them: batches, negatives, validation.

Both read one file of interactions, in one order, hold out the same items and read the last 50 of a history. seqrec
runs before and after RecBole; the slower of its runs counts.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "peer"))

import torch  # noqa: E402
from results import circumstances  # noqa: E402

import recbole_trainer  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    model: str  # RecBole's name
    settings: dict[str, object]  # RecBole's
    program: str  # seqrec's
    options: dict[str, object]  # seqrec's
    trained: int  # targets of a user at most, the last ones, that seqrec trains in an epoch


WORKLOADS = [
    Workload(
        "sasrec", "SASRec, softmax of the whole catalogue, d64, 2 blocks, 2 heads, F 256", "SASRec",
        dict(MAX_ITEM_LIST_LENGTH=50, hidden_size=64, inner_size=256, n_layers=2, n_heads=2, hidden_dropout_prob=0.2,
             attn_dropout_prob=0.2, loss_type="CE", train_neg_sample_args=None, train_batch_size=2048,
             eval_args=dict(split={"LS": "valid_and_test"}, order="TO", mode="full")),
        "train_sasrec",
        {"max-length": 50, "width": 64, "feed-forward-width": 256, "blocks": 2, "heads": 2, "dropout": 0.2,
         "norm": "post", "loss": "softmax", "initial-deviation": 0.02, "beta2": 0.999, "candidates": "full",
         "seen": "ranked"}, 50),
    Workload(
        "din", "DIN, 1 negative a target, d64, both networks 80-40", "DIN",
        dict(MAX_ITEM_LIST_LENGTH=50, embedding_size=64, mlp_hidden_size=[80, 40], dropout_prob=0.2,
             train_batch_size=2048,
             eval_args=dict(split={"LS": "valid_and_test"}, order="TO", mode="uni100")),
        "train_din",
        {"max-length": 50, "width": 64, "attention-hidden": "80-40", "attention-activation": "sigmoid",
         "attention-softmax": "false", "recency-bias": "false", "dot-product": "false", "item-bias": "false",
         "hidden": "80-40", "activation": "dice", "dropout": 0.2, "negatives": 1, "learning-rate": 0.001,
         "batch-size": 32, "candidates": 100}, 500),
]


def main() -> None:
    arguments = parse_arguments()
    del sys.argv[1:]  # RecBole would take them for its own
    os.chdir(arguments.work)  # where it leaves its logs
    begun = circumstances(arguments.threads, versions())
    if begun["load"] > 0.5:
        print(f"warning   other programs keep {begun['load']:.1f} cores busy")
    data = interactions(arguments.data, arguments.work)
    results = [race(workload, data, arguments) for workload in WORKLOADS
               if not arguments.names or workload.name.startswith(tuple(arguments.names))]
    if arguments.json:
        document = dict(begun, data=data.name, runs=results)
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = ", ".join(workload.name for workload in WORKLOADS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {names}")
    parser.add_argument("--data", type=pathlib.Path, help="folder with u.data, ratings.dat or ml-1m.txt; $SEQREC_DATA/ml-100k")
    parser.add_argument("--epochs", type=int, default=10, help="of RecBole")
    parser.add_argument("--most-epochs", type=int, default=50,
                        help="of seqrec at most, which ends when 10 validations have brought nothing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--programs", type=pathlib.Path, required=True, help=argparse.SUPPRESS)  # seqrec's
    parser.add_argument("--work", type=pathlib.Path, required=True, help=argparse.SUPPRESS)  # for files
    parser.add_argument("--json", type=pathlib.Path, help="also write the results here")
    arguments = parser.parse_args()
    for name in arguments.names:
        if not any(workload.name.startswith(name) for workload in WORKLOADS):
            parser.error(f"there is no workload '{name}', expected one of {names}")
    if arguments.data is None:
        if "SEQREC_DATA" not in os.environ:
            parser.error("name a data set with --data, or set SEQREC_DATA")
        arguments.data = pathlib.Path(os.environ["SEQREC_DATA"]) / "ml-100k"
    arguments.data = arguments.data.resolve()
    if arguments.json:
        arguments.json = arguments.json.resolve()
    return arguments


def versions() -> dict[str, str]:
    from importlib.metadata import version
    return {name: version(name) for name in ("recbole", "torch", "numpy")}


def interactions(source: pathlib.Path, work: pathlib.Path) -> pathlib.Path:
    """The folder with the interactions as RecBole reads them: in each user's order, their times counted from 0, so that
    events of one second have one order for both sides."""
    for name, separator in (("u.data", "\t"), ("ratings.dat", "::")):
        if (source / name).exists():
            lines = [line.split(separator) for line in (source / name).read_text().splitlines()]
            events = [(user, item) for user, item, _, _ in sorted(lines, key=lambda line: int(line[3]))]
            break
    else:
        events = pairs(source)
    folder = work / "data" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{source.name}.inter", "w") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        file.writelines(f"{user}\t{item}\t{time}\n" for time, (user, item) in enumerate(events))
    return folder


def pairs(source: pathlib.Path) -> list[tuple[str, str]]:
    """MovieLens-1M as it is often passed on: a line of user and item for each event, in order."""
    if not (source / "ml-1m.txt").exists():
        sys.exit(f"error: {source} has none of u.data, ratings.dat and ml-1m.txt")
    return [tuple(line.split()) for line in (source / "ml-1m.txt").read_text().splitlines()]


def race(workload: Workload, data: pathlib.Path, arguments: argparse.Namespace) -> dict[str, object]:
    print(f"== {workload.title}, {data.name}", flush=True)
    ours = [train_seqrec(workload, data, arguments)]
    theirs = recbole_trainer.train(workload.model, workload.settings, data, arguments.epochs, arguments.threads)
    ours.append(train_seqrec(workload, data, arguments))
    if ours[0]["interactions"] != theirs.interactions:
        sys.exit(f"error: seqrec read {ours[0]['interactions']} interactions, RecBole {theirs.interactions}")
    result = judged(workload, max(ours, key=lambda run: run["seconds"][-1]), dataclasses.asdict(theirs))
    print_result(result)
    return result


def train_seqrec(workload: Workload, data: pathlib.Path, arguments: argparse.Namespace) -> dict[str, object]:
    log, report = (arguments.work / f"{workload.name}-{data.name}{ending}" for ending in (".jsonl", ".json"))
    command = [arguments.programs / workload.program, "--data", data, "--epochs", arguments.most_epochs,
               "--evaluate-every", 1, "--patience", 10, "--validation-only", "--threads", arguments.threads, "--log", log,
               "--json", report, "--candidate-dir", arguments.work / "candidates"]
    for name, value in workload.options.items():
        command.append(f"--{name}={value}")
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   cwd=arguments.work)
    epochs = [json.loads(line) for line in log.read_text().splitlines()]
    about = json.loads(report.read_text())
    return dict(seconds=[epoch["seconds"] for epoch in epochs], ndcg=[epoch["ndcg@10"] for epoch in epochs],
                targets=targets_of_an_epoch(data, workload.trained), interactions=about["dataset"]["interactions"],
                parameters=about["parameters"])


def targets_of_an_epoch(data: pathlib.Path, most: int) -> int:
    """Of each user's events the last two are held out, and the first one is no target."""
    lines = (data / f"{data.name}.inter").read_text().splitlines()[1:]
    events = collections.Counter(line.split("\t")[0] for line in lines)
    return sum(min(most, count - 3) for count in events.values() if count > 3)


def judged(workload: Workload, ours: dict[str, object], theirs: dict[str, object]) -> dict[str, object]:
    """The result with what an epoch takes, and when each side was as good as the worse of both became."""
    level = min(max(side["ndcg"]) for side in (ours, theirs))
    for side in (ours, theirs):
        side["epoch_seconds"] = side["seconds"][-1] / len(side["seconds"])
        side["targets_per_second"] = side["targets"] / side["epoch_seconds"]
        side["level_seconds"] = next(s for s, ndcg in zip(side["seconds"], side["ndcg"]) if ndcg >= level)
    return dict(name=workload.name, title=workload.title, level=level, seqrec=ours, recbole=theirs)


def print_result(result: dict[str, object]) -> None:
    print(f"{'':<8} {'parameters':>10} {'targets':>9} {'s an epoch':>11} {'targets/s':>10} {'epochs':>7} {'NDCG@10':>8}")
    for name in ("recbole", "seqrec"):
        side = result[name]
        print(f"{name:<8} {side['parameters']:>10,} {side['targets']:>9,} {side['epoch_seconds']:>11.2f} "
              f"{side['targets_per_second']:>10,.0f} {len(side['ndcg']):>7} {max(side['ndcg']):>8.4f}")
    ours, theirs = (result[name]["level_seconds"] for name in ("seqrec", "recbole"))
    print(f"{result['level']:.4f} on validation: seqrec after {ours:.1f} s, RecBole after {theirs:.1f} s, {theirs / ours:.1f} "
          "times as long\n", flush=True)


if __name__ == "__main__":
    main()
