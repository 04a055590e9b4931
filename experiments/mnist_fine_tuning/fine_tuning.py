"""Accuracy and seconds of training of each round: fine-tuning against training from scratch.

Usage: python experiments/mnist_fine_tuning/fine_tuning.py SWEEP     (writes rounds.csv and rounds.png beside this file)
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from alframe.functional import mean_and_half_width
from alframe.report import RunFolder, find_runs

HERE = Path(__file__).parent
WAYS = ("from_scratch", "fine_tune")
LABELS, ACCURACY, SECONDS = range(3)


def measured(run: RunFolder) -> np.ndarray:
    """(R, 3): labels, accuracy, and seconds of training of each round."""
    seconds = {entry.round: entry.seconds for entry in run.journal if entry.step == "train"}
    points = [(point.labels, point.evaluation.metrics["accuracy"], seconds[point.round]) for point in run.points]
    return np.array(points)


def spread(values: np.ndarray) -> str:
    """Mean and half width of its 95 % confidence interval over seeds (Student's t)."""
    mean, half_width = mean_and_half_width(values)
    return f"{mean:+.2f} ± {half_width:.2f}"


def show(scratch: np.ndarray, tuned: np.ndarray) -> None:
    """Print every round, and what became of the question; both are (seeds, R, 3)."""
    points = (tuned[..., ACCURACY] - scratch[..., ACCURACY]) * 100
    print("| labels | from scratch (%) | fine-tuned (%) | difference (points) | seconds from scratch | fine-tuned |")
    print("|---|---|---|---|---|---|")
    for row, labels in enumerate(scratch[0, :, LABELS].astype(int)):
        accuracy = [f"{of[:, row, ACCURACY].mean() * 100:.2f}" for of in (scratch, tuned)]
        seconds = [f"{of[:, row, SECONDS].mean():.1f}" for of in (scratch, tuned)]
        print(f"| {labels} |", " | ".join([*accuracy, spread(points[:, row]), *seconds]), "|")
    share = tuned[..., SECONDS].sum(axis=1) / scratch[..., SECONDS].sum(axis=1)
    later = tuned[:, 1:, SECONDS].sum(axis=1) / scratch[:, 1:, SECONDS].sum(axis=1)
    print(f"\nlast round: {spread(points[:, -1])} points, by seed {points[:, -1].round(2).tolist()}")
    print(f"mean of the rounds with a champion: {spread(points[:, 1:].mean(axis=1))} points")
    print(f"share of the training time, by seed: {share.round(3).tolist()}; of these rounds {later.round(3).tolist()}")


def draw(scratch: np.ndarray, tuned: np.ndarray) -> None:
    """Accuracy, and seconds of training so far: mean and range over the seeds."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for way, values in zip(WAYS, (scratch, tuned), strict=True):
        labels = values[0, :, LABELS]
        for axis, heights in zip(axes, (values[..., ACCURACY] * 100, values[..., SECONDS].cumsum(axis=1)), strict=True):
            (line,) = axis.plot(labels, heights.mean(axis=0), label=way.replace("_", " "))
            axis.fill_between(labels, heights.min(axis=0), heights.max(axis=0), alpha=0.2, color=line.get_color())
    axes[0].set(xlabel="labels", title="accuracy (%)")
    axes[1].set(xlabel="labels", title="seconds of training so far")
    axes[0].legend()
    figure.savefig(HERE / "rounds.png", dpi=120)


def main(sweep: str) -> None:
    """Print the table, write the numbers and the picture."""
    found = {(run.choices["training"], run.seed): measured(run) for run in find_runs([Path(sweep)])}
    seeds = sorted({seed for _, seed in found})
    with (HERE / "rounds.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["training", "seed", "labels", "accuracy", "seconds"])
        for (way, seed), values in sorted(found.items()):
            rows.writerows(
                [way, seed, int(labels), round(accuracy, 4), round(s, 2)] for labels, accuracy, s in values.tolist()
            )
    scratch, tuned = (np.array([found[way, seed] for seed in seeds]) for way in WAYS)
    show(scratch, tuned)
    draw(scratch, tuned)


if __name__ == "__main__":
    main(*sys.argv[1:])
