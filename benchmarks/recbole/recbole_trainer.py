# SPDX-License-Identifier: Apache-2.0
"""RecBole's side: a model trained by its own Trainer, which validates after each epoch."""

import dataclasses
import pathlib
import time
import warnings

import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed


@dataclasses.dataclass
class Run:
    seconds: list[float]  # from the start to the end of each epoch and its validation
    ndcg: list[float]  # what that validation found
    targets: int  # trained in an epoch, without sampled negatives
    interactions: int
    parameters: int


def train(model: str, settings: dict, data: pathlib.Path, epochs: int, threads: int) -> Run:
    """Trains on data/NAME/NAME.inter; leave-one-out, the test untouched."""
    config = Config(model=model, dataset=data.name, config_dict=dict(
        settings, epochs=epochs, data_path=str(data.parent), checkpoint_dir=str(data.parent / "recbole"),
        load_col={"inter": ["user_id", "item_id", "timestamp"]}, repeatable=True, use_gpu=False, show_progress=False,
        eval_step=1, stopping_step=epochs, metrics=["NDCG"], topk=[10], valid_metric="NDCG@10",
        metric_decimal_place=6, state="ERROR"))
    torch.set_num_threads(threads)
    warnings.filterwarnings("ignore", category=FutureWarning)  # of pandas and PyTorch, at what RecBole does
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    interactions = dataset.inter_num  # before each user's first one has become a history
    train_data, valid_data, _ = data_preparation(config, dataset)
    init_seed(config["seed"], config["reproducibility"])
    network = get_model(config["model"])(config, train_data._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, network)

    run = Run([], [], len(train_data._dataset), interactions,
              sum(parameter.numel() for parameter in network.parameters()))
    begin = time.perf_counter()

    def validated(_, score):
        run.seconds.append(time.perf_counter() - begin)
        run.ndcg.append(float(score))

    trainer.fit(train_data, valid_data, saved=False, show_progress=False, callback_fn=validated)
    return run
