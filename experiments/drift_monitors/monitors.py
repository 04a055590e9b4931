"""How often each monitor reports drift where there is none, and how soon it reports drift where there is.

Usage: python experiments/drift_monitors/monitors.py [WINDOWS]   (writes false_alarms.csv, delays.csv, streams.csv and
delays.png beside this file; WINDOWS without drift for each monitor, 1000 by default)
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from alframe.functional import generator
from alframe.monitor import (
    Adwin,
    AnyOf,
    DomainClassifier,
    KolmogorovSmirnov,
    MaximumMeanDiscrepancy,
    Monitor,
    PageHinkley,
    PopulationStability,
)
from alframe.types import Predictions

HERE = Path(__file__).parent
SEED = 0
LEVEL = 0.05
WIDTH = 16
REFERENCE = 300
STREAMS = 50
LONGEST = 1000
NOISE = (0.0, 0.125, 0.25, 0.5)
STREAM_NOISE = (0.25, 0.5, 1.0)
SIZES = (25, 50, 100, 200)


def monitors() -> dict[str, Monitor]:
    """What is compared, all at the same level."""
    single: dict[str, Monitor] = {
        "kolmogorov_smirnov": KolmogorovSmirnov(level=LEVEL),
        "kolmogorov_smirnov, Simes": KolmogorovSmirnov(level=LEVEL, correction="benjamini_hochberg"),
        "maximum_mean_discrepancy": MaximumMeanDiscrepancy(level=LEVEL, permutations=199),
        "domain_classifier": DomainClassifier(level=LEVEL),
        "population_stability, limit 0": PopulationStability(level=LEVEL, limit=0.0, permutations=499),
        "population_stability": PopulationStability(level=LEVEL, permutations=499),
    }
    parts = ("kolmogorov_smirnov", "maximum_mean_discrepancy", "domain_classifier", "population_stability, limit 0")
    return single | {"any_of four": AnyOf(monitors={name: single[name] for name in parts}, level=LEVEL)}


class Digits:
    """The digits: 600 fit a PCA and a classifier, the other 1197 are drawn from."""

    def __init__(self) -> None:
        images, labels = load_digits(return_X_y=True)
        images, labels = images / 16, labels.astype(np.int64)
        order = generator(SEED, "digits").permutation(len(images))
        seen, self.rest = order[:600], order[600:]
        self._images, self._labels = images, labels
        self._pca = PCA(WIDTH, random_state=SEED).fit(images[seen])
        self._classifier = LogisticRegression(max_iter=2000).fit(self._pca.transform(images[seen]), labels[seen])

    def predictions(self, rows: NDArray[np.int64], strength: float, rng: np.random.Generator) -> Predictions:
        """What the classifier says of these images under noise of that deviation, cut off at black and white."""
        noise = rng.normal(0, strength, (len(rows), self._images.shape[1])) if strength else 0
        embeddings = self._pca.transform(np.clip(self._images[rows] + noise, 0, 1))
        return Predictions(rows.astype(np.str_), self._classifier.predict_proba(embeddings), embeddings)

    def pair(self, window: int, rng: np.random.Generator) -> tuple[Predictions, Predictions]:
        """A reference and a window without drift, of different images."""
        rows = rng.choice(self.rest, REFERENCE + window, replace=False)
        return self.predictions(rows[:REFERENCE], 0, rng), self.predictions(rows[REFERENCE:], 0, rng)

    def correct(self, strength: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Whether the classifier is right, image by image, (count,)."""
        rows = rng.choice(self.rest, count)
        probs = self.predictions(rows, strength, rng).probs
        assert probs is not None  # noqa: S101 (they were just made)
        return np.asarray(probs.argmax(axis=1) == self._labels[rows], dtype=np.float64)


def gaussian_pair(window: int, rng: np.random.Generator) -> tuple[Predictions, Predictions]:
    """Reference and window from one standard normal distribution; ten linear classes."""
    points = rng.normal(size=(REFERENCE + window, WIDTH))
    logits = points[:, :10]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    both = Predictions(np.arange(len(points)).astype(np.str_), probs, points)
    return both.take(slice(REFERENCE)), both.take(slice(REFERENCE, None))


def false_alarms(digits: Digits, windows: int, size: int = 100) -> list[dict[str, Any]]:
    """Alarms among windows without drift, and how probable so many or more are at the stated level."""
    rows = []
    for data, pair in (("digits", digits.pair), ("gaussian", gaussian_pair)):
        for name, monitor in monitors().items():
            rng = generator(SEED, "null", data, name)
            alarms = sum(monitor.compare(*pair(size, rng), rng).drifted for _ in range(windows))
            p_value = float(stats.binom.sf(alarms - 1, windows, LEVEL))
            rows.append({"data": data, "monitor": name, "windows": windows, "alarms": alarms, "p": round(p_value, 4)})
            print(rows[-1], flush=True)
    return rows


def delays(digits: Digits) -> list[dict[str, Any]]:
    """Samples from the shift to the end of the first window that is reported: median, and how many streams had none."""
    rows = []
    for name, monitor in monitors().items():
        if name == "population_stability, limit 0":
            continue
        for strength in NOISE:
            for size in SIZES:
                rng = generator(SEED, "delay", name, str(strength), size)
                found = [_delay(digits, monitor, strength, size, rng) for _ in range(STREAMS)]
                missed = found.count(np.inf)
                rows.append(
                    {
                        "monitor": name,
                        "noise": strength,
                        "window": size,
                        "median delay": float(np.quantile(found, 0.5, method="higher")),
                        "nine tenths": float(np.quantile(found, 0.9, method="higher")),
                        "missed": missed,
                    }
                )
        print(name, flush=True)
    return rows


def _delay(digits: Digits, monitor: Monitor, strength: float, size: int, rng: np.random.Generator) -> float:
    order = rng.permutation(digits.rest)
    reference = digits.predictions(order[:REFERENCE], 0, rng)
    for end in range(size, LONGEST + 1, size):
        window = digits.predictions(rng.choice(order[REFERENCE:], size, replace=False), strength, rng)
        if monitor.compare(reference, window, rng).drifted:
            return float(end)
    return float(np.inf)


def streams(digits: Digits, before: int = 1000) -> list[dict[str, Any]]:
    """Delays on right and wrong answers, and alarms in as many values before the shift."""
    detectors = {
        "ADWIN, delta 0.002": Adwin(direction="down"),
        "Page-Hinkley, threshold 50": PageHinkley(direction="down"),
        "Page-Hinkley, threshold 10": PageHinkley(threshold=10.0, slack=0.02, direction="down"),
    }
    rows = []
    for name, detector in detectors.items():
        for strength in STREAM_NOISE:
            rng = generator(SEED, "stream", name, str(strength))
            found, early, accuracies = [], 0, []
            for _ in range(STREAMS):
                after = digits.correct(strength, LONGEST, rng)
                alarms = np.array(detector([*digits.correct(0, before, rng), *after]))
                early += int((alarms < before).sum())
                later = alarms[alarms >= before]
                found.append(float(later[0] - before + 1) if len(later) else float(np.inf))
                accuracies.append(after.mean())
            rows.append(
                {
                    "detector": name,
                    "noise": strength,
                    "accuracy after": round(float(np.mean(accuracies)), 3),
                    "median delay": float(np.quantile(found, 0.5, method="higher")),
                    "nine tenths": float(np.quantile(found, 0.9, method="higher")),
                    "missed": found.count(np.inf),
                    "false alarms": early,
                    "values before": before * STREAMS,
                }
            )
            print(rows[-1], flush=True)
    return rows


def draw(found: list[dict[str, Any]]) -> None:
    """Median delay by window size, one panel for each strength of the noise; without noise, until a false alarm."""
    figure, axes = plt.subplots(1, len(NOISE), figsize=(14, 4.2), layout="constrained", sharey=True)
    for axis, strength in zip(axes, NOISE, strict=True):
        for name in dict.fromkeys(row["monitor"] for row in found):
            mine = [row for row in found if row["monitor"] == name and row["noise"] == strength]
            median = [row["median delay"] for row in mine]
            axis.plot(SIZES, [value if np.isfinite(value) else np.nan for value in median], marker="o", label=name)
        axis.set(
            xscale="log",
            yscale="log",
            xlabel="samples in a window",
            title=f"noise {strength:g}" if strength else "no drift",
            xticks=SIZES,
        )
        axis.set_xticklabels(SIZES)
        axis.minorticks_off()
    axes[0].set_ylabel("samples until the alarm, median")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize="small")
    figure.savefig(HERE / "delays.png", dpi=120)


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """A table beside this file."""
    with (HERE / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def main(windows: str = "1000") -> None:
    """Write the tables and the picture."""
    digits = Digits()
    write("false_alarms.csv", false_alarms(digits, int(windows)))
    write("streams.csv", streams(digits))
    found = delays(digits)
    write("delays.csv", found)
    draw(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
