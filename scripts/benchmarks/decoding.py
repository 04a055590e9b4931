"""Reading a pool of JPEGs: decoded whole against decoded at the fraction of their size that a small model needs.

Both read the same files through the same loader and take turns (A B A B ...), so that a machine whose speed drifts
slows both; the ratio is taken pair by pair and its median is printed.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

import cv2
import numpy as np
import PIL
import PIL.Image
import torch
import typer

from alframe.data import Image, ImageData, Transforms, UnlabelledFolder

COARSEST = 8
"""Pixels of the coarsest layer of a made photograph, along its shorter side."""


class Whole(UnlabelledFolder):
    """The same images, all their pixels."""

    def read(self, position: int, side: int | None = None) -> Image:  # noqa: ARG002 (that is the point)
        """Decode the whole file."""
        return super().read(position)


def make_photographs(folder: Path, count: int, width: int) -> None:
    """Smooth noise in layers from coarse to fine, each weaker than the one before, as in photographs: 4 to 3, JPEG."""
    rng, height = np.random.default_rng(0), width * 3 // 4
    for row in range(count):
        pixels, strength, grain = np.full((height, width, 3), 128, dtype=np.float32), 64.0, COARSEST
        while grain < height:
            layer = rng.normal(scale=strength, size=(grain, grain * 4 // 3, 3)).astype(np.float32)
            pixels += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
            strength, grain = strength / 2, grain * 2
        PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{row}.jpg", quality=90)


def images_per_second(data: ImageData) -> float:
    """One pass over the pool."""
    count = len(data.source.table)
    data.predict_on(np.arange(count))
    started = perf_counter()
    for _ in data.predict_dataloader():
        pass
    return count / (perf_counter() - started)


def against(whole: ImageData, reduced: ImageData, pairs: int) -> tuple[float, float, float]:
    """Median speeds of both, and the median of their ratios; the first pair warms up."""
    timed = [(images_per_second(whole), images_per_second(reduced)) for _ in range(pairs + 1)][1:]
    a, b = (statistics.median(side) for side in zip(*timed, strict=True))
    return a, b, statistics.median(after / before for before, after in timed)


def main(
    folder: Annotated[Path | None, typer.Option(help="JPEGs to read; by default such as are made here.")] = None,
    images: Annotated[int, typer.Option(help="How many are made.")] = 256,
    width: Annotated[int, typer.Option(help="Width of those made, in pixels; the height is three quarters.")] = 1000,
    size: Annotated[list[int] | None, typer.Option(help="Pixels a model takes; by default 64, 128, 224.")] = None,
    pairs: Annotated[int, typer.Option(help="How many times each side is run.")] = 5,
) -> None:
    """Print images per second, whole and reduced, with no worker and with the automatic number of them."""
    with TemporaryDirectory() as made:
        if folder is None:
            make_photographs(Path(made), images, width)
        root = str(folder or made)
        what = f"{folder}" if folder else f"{width} x {width * 3 // 4}"
        print(f"Pillow {PIL.__version__}, torch {torch.__version__}, JPEGs: {what}, median of {pairs} pairs")
        print(f"{'model':>8}{'first read as':>16}{'workers':>11}{'whole':>14}{'reduced':>14}{'ratio':>8}", flush=True)
        for side in size or [64, 128, 224]:
            steps: Any = [
                {"SmallestMaxSize": {"max_size": side, "area_for_downscale": "image"}},
                {"CenterCrop": {"height": side, "width": side}},
            ]
            transforms = Transforms(side, 3, [0.5] * 3, [0.25] * 3, evaluation=steps)
            height, across, _ = UnlabelledFolder(root).read(0, transforms.for_evaluation().side).shape
            for workers in (0, None):
                whole, reduced = (
                    ImageData(source, transforms, evaluation_batch_size=32, workers=workers)
                    for source in (Whole(root), UnlabelledFolder(root))
                )
                a, b, ratio = against(whole, reduced, pairs)
                named = "automatic" if workers is None else str(workers)
                print(
                    f"{side:>8}{f'{across} x {height}':>16}{named:>11}{a:>12.0f}/s{b:>12.0f}/s{ratio:>8.2f}", flush=True
                )


if __name__ == "__main__":
    typer.run(main)
