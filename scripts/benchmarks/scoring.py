"""Pool scoring: alframe against a bare torch.inference_mode loop over the same loader, and against T passes.

All read the same images through the same loader. Ours and the bare loop take turns (A B A B ...), so that a machine
whose speed drifts slows both; the ratio is taken pair by pair and its median is printed.
"""

from __future__ import annotations

import resource
import statistics
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import torch
import typer
from _noise import Noise

from alframe.data import ImageData, Transforms
from alframe.functional import entropy, least_confidence, margin
from alframe.learner import (
    Backbone,
    Classifier,
    MCDropout,
    PointEstimate,
    SmallCNN,
    TorchvisionBackbone,
    quiet_trainer,
    schedules,
)
from alframe.scoring import predict
from alframe.strategy import required

DRAWS = 20


def bare_loop(learner: Classifier, data: ImageData) -> np.ndarray:
    """What somebody would write by hand."""
    data.predict_on(np.arange(len(data.source.table)))
    network = learner.networks[0].eval()
    with torch.inference_mode():
        return torch.cat([network(batch.images).softmax(dim=-1) for batch in data.predict_dataloader()]).numpy()


def many_passes(learner: Classifier, data: ImageData) -> np.ndarray:
    """MC dropout as it is often done: dropout left on, the whole network run T times."""
    network = learner.networks[0].eval()
    network.head.train()
    samples = []
    with torch.inference_mode():
        for _ in range(DRAWS):
            data.predict_on(np.arange(len(data.source.table)))
            samples.append(torch.cat([network(batch.images).softmax(dim=-1) for batch in data.predict_dataloader()]))
    network.head.eval()
    return torch.stack(samples, dim=1).numpy()


def draws(learner: Classifier, data: ImageData) -> object:
    """MC dropout through alframe."""
    every = np.arange(len(data.source.table))
    return predict(learner, data, every, {"samples"}, partial(quiet_trainer, accelerator="cpu"), seed=0)


def scores(learner: Classifier, data: ImageData) -> object:
    """Embeddings and three scores through alframe."""
    every = np.arange(len(data.source.table))
    wanted = {"probs", "embeddings"}
    found = predict(learner, data, every, wanted, partial(quiet_trainer, accelerator="cpu"), seed=0)
    return [score(required(found, "probs")) for score in (entropy, margin, least_confidence)]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = perf_counter()
    work()
    return perf_counter() - started


def against(bare: Callable[[], object], ours: Callable[[], object], pairs: int) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratios; the first pair warms up."""
    timed = [(seconds(bare), seconds(ours)) for _ in range(pairs + 1)][1:]
    a, b = (statistics.median(side) for side in zip(*timed, strict=True))
    return a, b, statistics.median(after / before for before, after in timed)


def show(name: str, what: str, a: float, b: float, ratio: float, target: str, met: bool) -> None:
    """One line of the table."""
    verdict = f"{target}: {'met' if met else 'MISSED'}"
    print(f"{name:<18}{what:<34}{a:>10.2f} s{b:>10.2f} s{ratio:>8.3f}  {verdict}", flush=True)


def make_learner(data: ImageData, backbone: Callable[..., Backbone], posterior: Any) -> Classifier:
    """Untrained: its speed is that of a trained one."""
    torch.manual_seed(0)
    options = {"backbone": backbone, "optimizer": torch.optim.Adam, "schedule": schedules.constant}
    return Classifier(data.image_shape, data.num_classes, posterior=posterior, **options).eval()


def main(
    images: Annotated[int, typer.Option(help="Images of 28 pixels; of 224 pixels there are a hundredth.")] = 20_000,
    pairs: Annotated[int, typer.Option(help="How many times each side is run.")] = 7,
) -> None:
    """Print what alframe's pool scoring costs over a bare loop, what draws would cost in T passes, and peak memory."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {images} images, median of {pairs} pairs")
    print(f"{'network':<18}{'asked for':<34}{'reference':>12}{'alframe':>12}{'ratio':>8}")
    networks: list[tuple[str, int, int, Callable[..., Backbone]]] = [
        ("small CNN at 28", 28, images, SmallCNN),
        ("ResNet-18 at 224", 224, images // 100, partial(TorchvisionBackbone, name="resnet18")),
    ]
    for name, size, count, backbone in networks:
        data = ImageData(
            Noise(count, size), Transforms(size, 1, [0.5], [0.25]), evaluation_batch_size=min(512, count // 2)
        )
        point = make_learner(data, backbone, PointEstimate())
        a, b, ratio = against(partial(bare_loop, point, data), partial(scores, point, data), pairs)
        show(name, "embeddings and three scores", a, b, ratio, "at most 1.03 of a bare loop", ratio <= 1.03)
        for begin in ("last_layer", "head"):
            learner = make_learner(data, backbone, MCDropout(DRAWS, from_stage=begin))
            a, b, ratio = against(partial(bare_loop, learner, data), partial(draws, learner, data), pairs)
            what = f"{DRAWS} draws, from_stage={begin}"
            show(name, what, a, b, ratio, "at most 1.15 of a bare loop", ratio <= 1.15)
        passes = seconds(partial(many_passes, learner, data))  # these drop in the whole head, as the last draws do
        show(name, f"{DRAWS} draws, against {DRAWS} passes", passes, b, b / passes, "at most a tenth", b <= passes / 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
