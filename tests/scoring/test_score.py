from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from alframe.data import Image, ImageData
from alframe.errors import ConfigurationError, RunConflict, UnreadableImage
from alframe.functional import REDUCTIONS
from alframe.learner import Classifier, quiet_trainer
from alframe.scoring import Scoring, predict, score
from alframe.storage import MANIFEST, file_sha256, read_predictions, whole_file
from alframe.types import Need, Predictions

NEEDS: tuple[Need, ...] = ("probs", "embeddings", "samples", "bald", "head")
TRAINER = partial(quiet_trainer, accelerator="cpu")


class Watched(tiny.Bars):
    """Counts what is read; two images cannot be."""

    in_memory = False

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def read(self, position: int, side: int | None = None) -> Image:
        self.seen.append(position)
        if position in (2, 17):
            raise UnreadableImage("truncated")
        return super().read(position, side)


def run(folder: Path, source: tiny.Bars, needs: tuple[Need, ...] = NEEDS, model: str = "m") -> ImageData:
    torch.manual_seed(0)
    learner: Classifier = tiny.learner()((1, 8, 8), 3)
    data = ImageData(source, tiny.transforms(), evaluation_batch_size=8, workers=0)
    with whole_file(folder / MANIFEST) as manifest:
        score(
            learner.eval(),
            data,
            np.arange(60),
            needs,
            TRAINER,
            manifest,
            model=model,
            seed=3,
            scoring=Scoring(block=16),
        )
    return data


def digests(folder: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in folder.iterdir()}


def test_files_hold_what_a_pass_in_memory_gives(tmp_path: Path) -> None:
    """Array by array, without the images that cannot be read, which are noted."""
    data = run(tmp_path, Watched())
    torch.manual_seed(0)
    learner: Classifier = tiny.learner()((1, 8, 8), 3)
    expected = predict(learner.eval(), data, np.arange(60), NEEDS, TRAINER, seed=3)
    found = read_predictions(tmp_path)
    assert len(found) == 58
    for name in ("ids", *NEEDS):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert data.unreadable == {2: "truncated", 17: "truncated"}


def test_draws_are_reduced_as_they_pass(tmp_path: Path) -> None:
    """Each reduction equals its function of the draws, and without a need of the draws there are none."""
    reductions: tuple[Need, ...] = (
        "bald",
        "consensus_kl",
        "mean_std",
        "predictive_entropy",
        "variation_ratio",
        "vote_entropy",
    )
    run(tmp_path / "draws", Watched())
    run(tmp_path / "reduced", Watched(), needs=reductions)
    samples, found = read_predictions(tmp_path / "draws").samples, read_predictions(tmp_path / "reduced")
    assert samples is not None
    assert found.samples is None
    assert set(reductions) == REDUCTIONS.keys()
    for name in reductions:
        np.testing.assert_allclose(getattr(found, name), REDUCTIONS[name](np.asarray(samples)), atol=1e-6)


def test_a_killed_pass_computes_only_what_is_missing(tmp_path: Path) -> None:
    """SIGKILL in the third block: files end up as those of an undisturbed pass, and two blocks are not read again."""
    run(tmp_path / "undisturbed", Watched())
    here = Path(__file__).parent
    script = KILLED.format(tests=here.parent, here=here)
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(RunConflict, match="no finished predictions"):
        read_predictions(tmp_path / "killed")
    source = Watched()
    data = run(tmp_path / "killed", source)
    assert digests(tmp_path / "killed") == digests(tmp_path / "undisturbed")
    assert source.seen == list(range(32, 60))
    assert data.unreadable == {2: "truncated", 17: "truncated"}


KILLED = """
import os, signal, sys
sys.path[:0] = ["{tests}", "{here}"]
from pathlib import Path
import test_score

class Killed(test_score.Watched):
    def read(self, position, side=None):
        if position == 44:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(position, side)

test_score.run(Path(sys.argv[1]) / "killed", Killed())
"""


def test_a_second_pass_over_the_same_model_reads_nothing(tmp_path: Path) -> None:
    """What is finished is not computed again; another model's predictions are refused, and nothing is lost."""
    run(tmp_path, Watched())
    before, source = digests(tmp_path), Watched()
    run(tmp_path, source)
    assert source.seen == []
    assert digests(tmp_path) == before
    with pytest.raises(RunConflict, match="model: m -> other"):
        run(tmp_path, Watched(), model="other")
    assert digests(tmp_path) == before


def test_a_pool_that_cannot_be_read_gives_no_rows(tmp_path: Path) -> None:
    """There are predictions, of nothing; why is known."""

    class Gone(tiny.Bars):
        in_memory = False

        def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (the source's signature)
            raise UnreadableImage(f"{position} is gone")

    data = run(tmp_path, Gone())
    found: Predictions = read_predictions(tmp_path)
    assert len(found) == 0
    assert data.unreadable[59] == "59 is gone"


def test_blocks_of_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"scoring\.block must be at least 1, got 0"):
        Scoring(block=0)
