"""How many of each rare class a run has labelled, round by round, and how much of the pool it has looked at.

Usage: python experiments/mnist_rare_class/rare.py SWEEP ROOT_OF_MNIST   (writes rare.csv and rare.png beside this file)
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from alframe.data import LongTailed, TorchvisionSet

HERE = Path(__file__).parent
RARE = (8, 9)


def rows(sweep: Path, source: LongTailed) -> list[dict[str, float | str]]:
    """One row per run and round."""
    place = {name: row for row, name in enumerate(source.table.ids.tolist())}
    pool = int((~source.table.held_out).sum())
    found = []
    for run in sorted(path.parent for path in sweep.glob("*/run.sqlite")):
        choice = "seals" if "candidates=seals" in run.name else "whole pool"
        labelled: list[int] = []
        looked: set[int] = set()
        for folder in sorted(run.glob("round-*")):
            labelled += [place[name] for name in json.loads((folder / "query.json").read_text())["ids"]]
            looked |= set(labelled)
            if (folder / "candidates.npy").exists():
                looked |= set(np.load(folder / "candidates.npy").tolist())
            elif folder.name != "round-000":
                looked = set(range(pool))
            classes = source.table.labels[labelled]
            accuracy = json.loads((folder / "evaluation.json").read_text())["evaluation"]["class_accuracy"]
            found.append(
                {
                    "candidates": choice,
                    "seed": run.name.rsplit("seed=", 1)[1],
                    "labels": len(labelled),
                    "rare labels": int(np.isin(classes, RARE).sum()),
                    "rare accuracy": float(np.mean([accuracy[label] for label in RARE])),
                    "share looked at": len(looked) / pool,
                }
            )
    return found


def draw(found: list[dict[str, float | str]]) -> None:
    """Rare labels and the share of the pool looked at, by labels: mean and range over the seeds."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for axis, column in zip(axes, ("rare labels", "rare accuracy", "share looked at"), strict=True):
        for choice in ("whole pool", "seals"):
            mine = [row for row in found if row["candidates"] == choice]
            labels = sorted({row["labels"] for row in mine})
            values = np.array([[row[column] for row in mine if row["labels"] == at] for at in labels])
            (line,) = axis.plot(labels, values.mean(axis=1), label=choice)
            axis.fill_between(labels, values.min(axis=1), values.max(axis=1), alpha=0.2, color=line.get_color())
        axis.set(xlabel="labels", title=column)
    axes[0].legend()
    figure.savefig(HERE / "rare.png", dpi=120)


def main(sweep: str, root: str) -> None:
    """Write the table and the picture."""
    found = rows(Path(sweep), LongTailed(TorchvisionSet("MNIST", root, download=False)))
    with (HERE / "rare.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, found[0].keys())
        writer.writeheader()
        writer.writerows(found)
    draw(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
