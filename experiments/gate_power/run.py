"""How often the paired bootstrap promotes challengers that are no better, and finds those that are.

Usage: python experiments/gate_power/run.py   (writes level.csv, power.csv and power.png beside this file)

Champion and challenger are classifiers of ten classes, both right in some 90 % of the cases. They differ on a share of
the samples, as fine-tuned models do from the one that they began with; of a true difference d, the challenger is right
on (share + d) / 2 of all samples where the champion is wrong, and wrong on (share - d) / 2 where that is right.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from alframe.evaluation import ClassifierOutcomes
from alframe.functional import generator, predicted_power
from alframe.gate import PairedBootstrap, Trial

HERE = Path(__file__).parent
SEED = 0
CLASSES = 10
CONFIDENCE = 0.95
RESAMPLES = 999
LEVEL_PAIRS, POWER_PAIRS = 1000, 400
LEVELS = [(count, share) for count in (50, 200, 2000) for share in (0.05, 0.1, 0.2)]
METRICS = ("accuracy", "log_likelihood", "balanced_accuracy", "macro_f1")
POWERS = [(count, 0.02) for count in (250, 500, 1000, 2000, 4000)] + [(2000, gain) for gain in (0.005, 0.01)]
DIFFER = 0.1


def outcomes(labels: NDArray[np.int64], right: NDArray[np.bool_], rng: np.random.Generator) -> ClassifierOutcomes:
    """A classifier that is right on these samples, and more or less sure."""
    count = len(labels)
    said = np.where(right, labels, (labels + rng.integers(1, CLASSES, count)) % CLASSES)
    sure = rng.uniform(0.4, 0.99, count)
    probs = np.repeat((1 - sure[:, np.newaxis]) / (CLASSES - 1), CLASSES, axis=1)
    probs[np.arange(count), said] = sure
    names, none = np.array([str(row) for row in range(count)]), np.full(count, "")
    return ClassifierOutcomes(names, none, [str(label) for label in range(CLASSES)], 0.0, probs=probs, labels=labels)


def pair(count: int, differ: float, gain: float, rng: np.random.Generator) -> Trial:
    """Two classifiers on new samples; classes are as unequal as in a long tail."""
    labels = rng.choice(CLASSES, count, p=np.arange(CLASSES, 0, -1) / 55)
    kind = rng.choice(4, count, p=[(differ + gain) / 2, (differ - gain) / 2, 0.9 - differ / 2, 0.1 - differ / 2])
    champion, challenger = np.isin(kind, (1, 2)), np.isin(kind, (0, 2))
    return Trial(outcomes(labels, challenger, rng), outcomes(labels, champion, rng))


def promoted(pairs: int, count: int, differ: float, gain: float, metric: str) -> int:
    """How many of the pairs the gate promotes."""
    gate = PairedBootstrap(metric=metric, confidence=CONFIDENCE, resamples=RESAMPLES)  # type: ignore[arg-type]
    found = 0
    for number in range(pairs):
        rng = generator(SEED, "gate power", count, str(differ), str(gain), number)
        found += gate.decide(partial(pair, count, differ, gain, rng), rng).promoted
    return found


def levels() -> Iterable[dict[str, object]]:
    """Without a true difference: the share that is promoted, with an exact 95 % interval."""
    for metric in METRICS:
        for count, differ in LEVELS if metric == "accuracy" else [(2000, DIFFER)]:
            found = promoted(LEVEL_PAIRS, count, differ, 0.0, metric)
            interval = stats.binomtest(found, LEVEL_PAIRS).proportion_ci()
            yield {
                "metric": metric,
                "gate samples": count,
                "differ": differ,
                "pairs": LEVEL_PAIRS,
                "promoted": found / LEVEL_PAIRS,
                "low": round(interval.low, 4),
                "high": round(interval.high, 4),
            }


def powers() -> Iterable[dict[str, object]]:
    """With a true difference: the share that is found, beside what normal theory predicts."""
    for count, gain in POWERS:
        found = promoted(POWER_PAIRS, count, DIFFER, gain, "accuracy")
        interval = stats.binomtest(found, POWER_PAIRS).proportion_ci()
        error = np.sqrt((DIFFER - gain**2) / count)
        yield {
            "gate samples": count,
            "difference": gain,
            "pairs": POWER_PAIRS,
            "found": found / POWER_PAIRS,
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
            "predicted": round(predicted_power(gain, float(error), CONFIDENCE), 4),
        }


def write(name: str, rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Keep a table, and print it as it grows."""
    kept = []
    for row in rows:
        print(name, row, flush=True)
        kept.append(row)
    with (HERE / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, kept[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    return kept


def draw(level: list[dict[str, object]], power: list[dict[str, object]]) -> None:
    """The level against gate samples, and the power against them, with what is predicted."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for differ in sorted({row["differ"] for row in level}):  # type: ignore[type-var]
        rows = [row for row in level if row["metric"] == "accuracy" and row["differ"] == differ]
        left.plot(
            [row["gate samples"] for row in rows], [row["promoted"] for row in rows], "o-", label=f"{differ:.0%} differ"
        )
    left.axhline(0.05, color="0.6", linestyle="--")
    left.axhline(0.025, color="0.6", linestyle=":")
    left.set(xscale="log", xlabel="gate samples", title="promoted without a true difference", ylim=(0, 0.06))
    left.legend()
    rows = [row for row in power if row["difference"] == 0.02]
    counts = np.geomspace(200, 5000)
    predicted = [predicted_power(0.02, float(np.sqrt((DIFFER - 0.02**2) / count)), CONFIDENCE) for count in counts]
    right.plot(counts, predicted, color="0.6", label="predicted")
    found = np.array([[row["found"], row["low"], row["high"]] for row in rows], dtype=float)
    spread = np.abs(found[:, 1:] - found[:, :1]).T
    right.errorbar([row["gate samples"] for row in rows], found[:, 0], spread, fmt="o", label="found")
    right.set(xscale="log", xlabel="gate samples", title="2 points better, 10 % differ: share promoted", ylim=(0, 1.02))
    right.legend()
    for axis, ticks in ((left, (50, 200, 2000)), (right, (250, 500, 1000, 2000, 4000))):
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
    figure.savefig(HERE / "power.png", dpi=120)


if __name__ == "__main__":
    draw(write("level", levels()), write("power", powers()))
