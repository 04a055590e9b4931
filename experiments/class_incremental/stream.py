"""What each way of training and replay reaches on the stream, and what it forgets.

Usage: python experiments/class_incremental/stream.py SWEEP      (writes stream.csv and stream.png beside this file)
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from alframe.report import RunFolder, find_runs
from alframe.report.forgetting import Retention

HERE = Path(__file__).parent
MEASURES = {
    "accuracy": "accuracy at the end (%)",
    "average_forgetting": "average forgetting (points)",
    "backward_transfer": "backward transfer (points)",
}


def rows(run: RunFolder) -> list[dict[str, Any]]:
    """One for each round of a run."""
    kept = Retention.of(run)
    seconds = {entry.round: entry.seconds for entry in run.journal if entry.step == "train"}
    return [
        {
            "training": run.choices["training"],
            "replay": run.choices["replay"],
            "seed": run.seed,
            "tasks": point.round + 1,
            "accuracy": round(point.evaluation.metrics["accuracy"], 4),
            "accuracy_so_far": round(float(kept.values[row, kept.first <= row].mean()), 4),
            "average_forgetting": round(float(kept.forgetting[row]), 4),
            "backward_transfer": round(float(kept.transfer[row]), 4),
            **dict(zip(kept.slices, kept.values[row].round(4).tolist(), strict=True)),
            "seconds": round(seconds[point.round], 1),
        }
        for row, point in enumerate(kept.points)
    ]


def by_way(found: list[dict[str, Any]], measure: str) -> dict[tuple[str, str], np.ndarray]:
    """(seeds, tasks) of a measure for each way, the most accurate at the end first."""
    ways = {(row["training"], row["replay"]) for row in found}
    tasks = sorted({row["tasks"] for row in found})

    def values(way: tuple[str, str], of: str) -> np.ndarray:
        mine = [row for row in found if (row["training"], row["replay"]) == way]
        return np.array([[row[of] for row in mine if row["tasks"] == at] for at in tasks]).T

    ranked = sorted(ways, key=lambda way: -values(way, "accuracy")[:, -1].mean())
    return {way: values(way, measure) for way in ranked}


def show(found: list[dict[str, Any]]) -> None:
    """Print mean and standard deviation over the seeds, at the end of the stream."""
    print("| training | replay |", " | ".join(MEASURES.values()), "|")
    print("|---|---|---|---|---|")
    measured = [by_way(found, measure) for measure in MEASURES]
    for way in measured[0]:
        last = [of[way][:, -1] * 100 for of in measured]
        cells = [f"{values.mean():.1f} ± {values.std(ddof=1):.1f}" for values in last]
        print(f"| `{way[0]}` | `{way[1]}` |", " | ".join(cells), "|")


def draw(found: list[dict[str, Any]]) -> None:
    """Accuracy on what has come, mean over its tasks and the seeds: all ways, and without those that forget it all."""
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    for rank, (way, values) in enumerate(by_way(found, "accuracy_so_far").items()):
        look = {"color": plt.get_cmap("tab20")(rank), "marker": "os^v"[rank % 4], "label": ", ".join(way)}
        for axis in axes:
            axis.plot(range(1, values.shape[1] + 1), values.mean(axis=0) * 100, **look)
    for axis, lowest in zip(axes, (0, 88), strict=True):
        axis.set(xlabel="tasks learned", xticks=range(1, 6), ylim=(lowest, 100.2 if lowest else 103))
    axes[0].set_title("accuracy on the tasks learned so far (%)")
    axes[1].set_title("the same from 88 % up")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.savefig(HERE / "stream.png", dpi=120)


def main(sweep: str) -> None:
    """Write the numbers and the picture, print the table."""
    runs = sorted(find_runs([Path(sweep)]), key=lambda run: (run.choices["training"], run.choices["replay"], run.seed))
    found = [row for run in runs for row in rows(run)]
    with (HERE / "stream.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, found[0].keys())
        writer.writeheader()
        writer.writerows({name: "" if value != value else value for name, value in row.items()} for row in found)
    show(found)
    draw(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
