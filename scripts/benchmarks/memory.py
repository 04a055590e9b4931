"""Peak memory while pools of growing size are scored to files, each in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer
from _noise import Noise

from alframe.data import ImageData, Transforms
from alframe.learner import Classifier, PointEstimate, SmallCNN, quiet_trainer, schedules
from alframe.scoring import Scoring, score
from alframe.storage import MANIFEST, read_predictions, whole_file

SIZE = 12


def score_noise(count: int, folder: Path) -> None:
    """Embeddings and probabilities of ``count`` images."""
    data = ImageData(Noise(count, SIZE), Transforms(SIZE, 1, [0.5], [0.25]))
    torch.manual_seed(0)
    options = {"backbone": SmallCNN, "optimizer": torch.optim.Adam, "schedule": schedules.constant}
    learner = Classifier(data.image_shape, data.num_classes, posterior=PointEstimate(), **options).eval()
    trainer = partial(quiet_trainer, accelerator="cpu")
    every, scoring = np.arange(count), Scoring()
    with whole_file(folder / MANIFEST) as manifest:
        score(learner, data, every, {"probs", "embeddings"}, trainer, manifest, model="", seed=0, scoring=scoring)


def main(
    counts: Annotated[list[int] | None, typer.Argument(help="Sizes of the pools.")] = None,
    alone: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:
    """Print time, peak memory and what lies on disk, pool by pool; by default 100,000, 300,000 and 1,000,000 images."""
    if alone:
        with TemporaryDirectory() as folder:
            started = perf_counter()
            score_noise(alone, Path(folder))
            seconds = perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            disk = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
            rows = len(read_predictions(Path(folder)))
        print(f"{rows:>12,}{seconds:>10.1f} s{peak:>14.0f} MiB{disk:>12.0f} MiB", flush=True)
        return
    print(f"images of {SIZE} pixels, small CNN, embeddings and probabilities, torch {torch.__version__}")
    print(f"{'images':>12}{'time':>12}{'peak memory':>18}{'on disk':>16}", flush=True)
    for count in counts or [100_000, 300_000, 1_000_000]:
        subprocess.run([sys.executable, "-W", "ignore", __file__, "--alone", str(count)], check=True)


if __name__ == "__main__":
    typer.run(main)
