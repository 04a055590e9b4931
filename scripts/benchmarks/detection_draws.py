"""Posterior draws of a two-stage detector, made on the same proposals, against one plain pass.

All see the same tensors. Draws and the plain pass take turns (A B A B ...), so that a machine whose speed drifts slows
both; the ratio is taken pair by pair and its median is printed. Every image has as many detections as there may be,
which no trained detector finds: draws cost nothing where nothing is.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Annotated

import torch
import typer

from alframe.learner import Detector, schedules
from alframe.learner.detection import FasterRCNN, MCDropout, PointEstimate
from alframe.types import Need

DRAWS = 20
PLAIN: frozenset[Need] = frozenset({"boxes", "box_probs"})
DRAWN: frozenset[Need] = PLAIN | {"box_samples", "box_draws"}


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = perf_counter()
    work()
    return perf_counter() - started


def detector(size: int, posterior: MCDropout | PointEstimate, backbone: str, hidden: int) -> Detector:
    """Untrained: its speed is that of a trained one."""
    torch.manual_seed(0)
    return Detector(
        (3, size, size),
        6,
        architecture=partial(FasterRCNN, backbone=backbone, hidden=hidden),
        posterior=posterior,
        optimizer=torch.optim.Adam,
        schedule=schedules.constant,
        score_threshold=0.0,
        nms_threshold=1.0,
    ).eval()


def main(
    images: Annotated[int, typer.Option(help="Images in the batch.")] = 16,
    pairs: Annotated[int, typer.Option(help="How many times each side is run.")] = 9,
) -> None:
    """Print what T draws cost over a plain pass."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {images} images, median of {pairs} pairs")
    print(f"{'Faster R-CNN over':<26}{'detections':>12}{'one pass':>12}{f'{DRAWS} draws':>12}{'ratio':>8}")
    met = []
    cases = [("small, at 128", 128, "small", 128), ("ResNet-50, at 200", 200, "resnet50", 1024)]
    for name, size, backbone, hidden in cases:
        batch = torch.randn(images, 3, size, size, generator=torch.Generator().manual_seed(0))
        plain, drawn = (
            detector(size, posterior, backbone, hidden) for posterior in (PointEstimate(), MCDropout(DRAWS))
        )
        with torch.inference_mode():
            no_draws, draws = (one.draws(torch.Generator().manual_seed(0)) for one in (plain, drawn))
            one_pass = partial(plain.outputs, batch, no_draws, PLAIN)
            all_draws = partial(drawn.outputs, batch, draws, DRAWN)
            found = (~one_pass()["boxes"].isnan().any(dim=2)).sum(dim=1).float().mean().item()
            timed = [(seconds(one_pass), seconds(all_draws)) for _ in range(pairs + 1)][1:]
        before, after = (statistics.median(side) for side in zip(*timed, strict=True))
        ratio = statistics.median(draw / one for one, draw in timed)
        met.append(ratio <= 1.5)
        verdict = f"at most 1.5: {'met' if met[-1] else 'MISSED'}"
        print(f"{name:<26}{found:>12.0f}{before:>10.3f} s{after:>10.3f} s{ratio:>8.3f}  {verdict}", flush=True)
    raise typer.Exit(0 if all(met) else 1)


if __name__ == "__main__":
    typer.run(main)
