from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf

from alframe import configuration
from alframe.cli import CONFIGS, register_resolvers
from alframe.run import Parts

FILES = sorted(str(path.relative_to(CONFIGS).with_suffix("")) for path in CONFIGS.rglob("*.yaml"))
CHOICES = [name for name in FILES if "/" in name and not name.startswith("experiment/")]
# Parts of parts: the tests of their rooms build them.
INNER = ("embeddings/", "engine/", "hydra/", "index/", "monitor/", "trigger/")
EXPERIMENTS = [name for name in FILES if name.startswith("experiment/")]
# What has no default, because only the user knows it; and what would need a download.
REQUIRED = {
    "data/image_folder": ["data.root=photos", "learner/backbone=resnet"],
    "data/unlabelled_folder": ["data.root=photos", "learner/backbone=resnet"],
    "data/csv": ["data.path=labels.csv", "learner/backbone=resnet"],
    "data/parquet": ["data.path=labels.parquet", "learner/backbone=resnet"],
    "data/coco": ["data.root=photos", "data.annotations=photos.json", "learner/backbone=resnet"],
    "data/cvat": ["data.root=photos", "data.annotations=photos.xml", "learner/backbone=resnet"],
    "data/voc": ["data.root=photos", "learner/backbone=resnet"],
    "data/yolo": ["data.root=photos", "learner/backbone=resnet"],
    "data/masks": ["data.root=photos", "learner/backbone=resnet"],
    "transforms/coco": ["learner/backbone=resnet"],
    "transforms/cvat": ["learner/backbone=resnet"],
    "transforms/voc": ["learner/backbone=resnet"],
    "transforms/yolo": ["learner/backbone=resnet"],
    "transforms/masks": ["learner/backbone=resnet"],
    "data/surface_defects": ["learner/backbone=resnet"],
    "transforms/image_folder": ["learner/backbone=resnet"],
    "transforms/unlabelled_folder": ["learner/backbone=resnet"],
    "transforms/surface_defects": ["learner/backbone=resnet"],
    "transforms/csv": ["learner/backbone=resnet"],
    "transforms/parquet": ["learner/backbone=resnet"],
    "experiment/neu_det": ["data.root=photos"],
}
# These open files when they are built: alframe.data's tests build them on files of their own.
OPENS_FILES = tuple(
    f"alframe.data.{name}"
    for name in (
        *("TorchvisionSet", "LongTailed", "TaskStream", "ImageFolder", "UnlabelledFolder", "CsvTable", "ParquetTable"),
        *("CocoSource", "CvatSource", "VocSource", "YoloSource", "MaskSource"),
    )
)


def composed(*overrides: str) -> Any:
    register_resolvers()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("config", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    return config


def build(*overrides: str) -> Parts:
    """Check a configuration as the command does, and build its parts on the tiny data."""
    config = composed(*overrides)
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    configuration.check(plain, Parts)
    if config.data._target_ in OPENS_FILES:
        config.data = {"_target_": "tiny.Bars"}
    parts: Parts = instantiate(config, _convert_="all")
    return parts


def required(choice: str) -> list[str]:
    """What has to be chosen beside it: a part of one learner is for a run with that learner."""
    owner = "/".join(choice.split("/")[:2])
    part = choice != owner and owner in FILES
    return [*REQUIRED.get(choice, []), *([owner.replace("/", "=")] if part else [])]


@pytest.mark.parametrize("choice", [name for name in CHOICES if not name.startswith(INNER)])
def test_every_choice_builds(choice: str) -> None:
    """Each file under configs/ is accepted by the checks and by the constructors it names, up to a learner."""
    group, _, name = choice.rpartition("/")
    parts = build(f"{group}={name}", *required(choice))
    data = parts.loader(parts.data, parts.transforms)
    parts.oracle(parts.data)
    learner = parts.learner(data.image_shape, 3)
    assert learner.configure_optimizers is not None
    assert sum(parameter.numel() for parameter in learner.parameters()) > 0


@pytest.mark.parametrize("choice", EXPERIMENTS)
def test_every_experiment_builds(choice: str) -> None:
    """Each overlay composes over the defaults, and each strategy that it sweeps over is a choice."""
    config = build(f"experiment={choice.removeprefix('experiment/')}", *REQUIRED.get(choice, []))
    assert config.cycle.rounds > 0


def test_every_choice_says_what_it_is() -> None:
    """The first line of each file, but for one that says where it goes, is a sentence: people read these files."""
    for name in CHOICES:
        lines = (CONFIGS / f"{name}.yaml").read_text().splitlines()
        first = next(line for line in lines if not line.startswith("# @package"))
        assert first.startswith("# "), name
        assert first.rstrip().endswith((".", ":")), name


def test_the_default_optimiser_and_schedule_reach_the_learner() -> None:
    """A learning rate from the command line is the one that the optimiser has."""
    learner = build("learner.optimizer.lr=0.125").learner((1, 8, 8), 3)
    assert learner.make_optimizer(learner.parameters()).param_groups[0]["lr"] == 0.125


def test_transforms_follow_the_data() -> None:
    """Choosing a data source chooses its transforms, unless others are asked for."""
    assert composed("data=mnist").transforms.image_size == 28
    assert composed("data=mnist", "transforms=digits").transforms.image_size == 8


@pytest.mark.parametrize(
    ("name", "strategy", "epochs"), [("segmenter", "PixelEntropy", 20), ("detector", "BoxEntropy", 10)]
)
def test_a_learner_sets_what_a_run_with_it_is_unless_something_else_is_asked_for(
    name: str, strategy: str, epochs: int
) -> None:
    """Strategy, batches and epochs are the learner's; the command line wins, and other learners are left alone."""
    asked = ["strategy=core_set", "loader.batch_size=3", "training.epochs=2", f"learner/{name}/posterior=ensemble"]
    by_default, other, plain = composed(f"learner={name}"), composed(f"learner={name}", *asked), composed()
    assert by_default.strategy._target_ == f"alframe.strategy.{strategy}"
    assert (by_default.loader.batch_size, by_default.loader.evaluation_batch_size) == (8, 32)
    assert by_default.training.epochs == epochs
    assert other.strategy._target_ == "alframe.strategy.CoreSet"
    assert (other.loader.batch_size, other.loader.evaluation_batch_size, other.training.epochs) == (3, 32, 2)
    assert other.learner.posterior._target_.endswith(".Ensemble")
    assert "members" in other.learner.posterior
    assert (plain.strategy._target_, plain.loader.batch_size) == ("alframe.strategy.Entropy", 64)


def test_configs_lie_where_the_package_looks() -> None:
    """In a checkout these are the files at the top level."""
    assert Path(__file__).parents[1] / "configs" == CONFIGS
    assert "strategy/entropy" in FILES
    assert tiny.CONFIG["choices"]
