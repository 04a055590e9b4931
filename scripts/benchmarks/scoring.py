"""Pool scoring: alframe's predict() against a bare torch.inference_mode loop over the same data loader.

Both read the same images through the same loader and give class probabilities as arrays. They take turns (A B A B ...)
so that a machine whose speed drifts slows both; the ratio is taken pair by pair and its median is printed.
"""

from __future__ import annotations

import resource
import statistics
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer

from alframe.data import Image, ImageData, Source, Transforms
from alframe.learner import (
    Backbone,
    Classifier,
    MCDropout,
    PointEstimate,
    Posterior,
    SmallCNN,
    TorchvisionBackbone,
    quiet_trainer,
    schedules,
)
from alframe.scoring import predict
from alframe.types import Need, SampleTable


class Noise(Source):
    """Random grey images, held in memory."""

    name = "noise"
    classes = tuple("0123456789")
    in_memory = True

    def __init__(self, count: int, size: int) -> None:
        self._pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 1), dtype=np.uint8)
        self.table = SampleTable(
            ids=np.arange(count).astype(str),
            labels=np.zeros(count, dtype=np.int64),
            held_out=np.zeros(count, dtype=np.bool_),
            groups=np.full(count, ""),
            costs=np.ones(count),
        )

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (in memory)
        """One image."""
        image: Image = self._pixels[position]
        return image

    def content_hash(self, position: int) -> str:
        """Not measured here."""
        raise LookupError(position)


def bare_loop(learner: Classifier, data: ImageData) -> np.ndarray:
    """What somebody would write by hand."""
    data.predict_on(np.arange(len(data.source.table)))
    network = learner.networks[0].eval()
    with torch.inference_mode():
        return torch.cat([network(batch.images).softmax(dim=-1) for batch in data.predict_dataloader()]).numpy()


def scored(learner: Classifier, data: ImageData, needs: set[Need]) -> None:
    """The same through alframe."""
    predict(learner, data, np.arange(len(data.source.table)), needs, partial(quiet_trainer, accelerator="cpu"), seed=0)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = perf_counter()
    work()
    return perf_counter() - started


def main(
    images: Annotated[int, typer.Option(help="How many images the pool has.")] = 20_000,
    pairs: Annotated[int, typer.Option(help="How many times each side is run.")] = 7,
) -> None:
    """Print the overhead of alframe's pool scoring over a bare loop, and peak memory."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {images} images, median of {pairs} pairs")
    print(f"{'network':<12}{'posterior':<15}{'asked for':<20}{'bare loop':>12}{'alframe':>12}{'ratio':>8}")
    networks: list[tuple[str, int, int, Callable[[tuple[int, int, int]], Backbone]]] = [
        ("SmallCNN", 28, images, SmallCNN),
        ("ResNet-18", 32, images // 20, partial(TorchvisionBackbone, name="resnet18")),
    ]
    asked: list[tuple[Posterior, set[Need]]] = [
        (PointEstimate(), {"probs"}),
        (PointEstimate(), {"probs", "embeddings"}),
        (MCDropout(20), {"samples"}),
    ]
    for name, size, count, backbone in networks:
        data = ImageData(Noise(count, size), Transforms(size, 1, [0.5], [0.25]))
        for posterior, needs in asked:
            torch.manual_seed(0)
            adam = torch.optim.Adam
            options = {"backbone": backbone, "posterior": posterior, "optimizer": adam, "schedule": schedules.constant}
            learner = Classifier(data.image_shape, data.num_classes, **options).eval()
            sides = (partial(bare_loop, learner, data), partial(scored, learner, data, needs))
            timed = [tuple(seconds(side) for side in sides) for _ in range(pairs + 1)][1:]  # the first warms up
            bare, ours = (statistics.median(side) for side in zip(*timed, strict=True))
            ratio = statistics.median(b / a for a, b in timed)
            wanted, draws = " + ".join(sorted(needs)), type(posterior).__name__
            print(f"{name:<12}{draws:<15}{wanted:<20}{bare:>10.2f} s{ours:>10.2f} s{ratio:>8.3f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
