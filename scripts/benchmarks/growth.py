"""What each strategy costs as the pool grows: seconds and memory beside its input, for 10^4, 10^5 and 10^6 samples.

Every strategy of ``strategy=`` chooses a batch with its defaults, alone in a process of its own, from the same made-up
predictions. Draws a chart and writes a table.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from contest import OURS, Contest, Measured, measure, measure_apart
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import softmax

from alframe.cli import CONFIGS
from alframe.report.figures import INK, RULE, save_png, styles
from alframe.strategy import Strategy
from alframe.types import Predictions

CLASSES, WIDTH, DRAWS, ROUNDS = 10, 512, 20, 5
STRATEGIES = sorted(path.stem for path in (CONFIGS / "strategy").glob("*.yaml"))
FIELDS = ["family", "strategy", "samples", "seconds", "MiB beside the input", "why not"]


def made(name: str) -> Strategy:
    """The strategy of that name, with its defaults."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        strategy: Strategy = instantiate(compose(f"strategy/{name}").strategy, _convert_="all")
    return strategy


def predictions(strategy: Strategy, count: int, seed: int) -> Predictions:
    """What ``strategy`` needs of ``count`` samples in ten clusters, of which each is a class with a few errors."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).normal(size=(CLASSES, WIDTH)).astype(np.float32)
    labels = rng.integers(0, CLASSES, count)
    arrays: dict[str, Any] = {"labels": labels, "costs": rng.uniform(1, 2, count)}
    logits = rng.normal(size=(count, CLASSES)).astype(np.float32) * 1.5
    logits[np.arange(count), labels] += 3
    if "embeddings" in strategy.needs:
        arrays["embeddings"] = rng.standard_normal((count, WIDTH), dtype=np.float32)
        for start in range(0, count, 10_000):
            arrays["embeddings"][start : start + 10_000] += centers[labels[start : start + 10_000]]
    if "probs" in strategy.needs:
        arrays["probs"] = softmax(logits, axis=1)
    if "samples" in strategy.needs:
        samples = rng.standard_normal((count, DRAWS, CLASSES), dtype=np.float32)
        samples += logits[:, None]
        arrays["samples"] = softmax(samples, axis=2)
    if "head" in strategy.needs:
        arrays["head"] = np.concatenate([centers, np.zeros((CLASSES, 1), np.float32)], axis=1) / WIDTH
    if "predicted_loss" in strategy.needs:
        arrays["predicted_loss"] = rng.exponential(size=count)
    if "history" in strategy.needs:
        arrays["history"] = np.where(rng.random((count, ROUNDS)) < 0.8, labels[:, None], 0)
    return Predictions(np.arange(count).astype(str), **arrays)


def task(name: str, count: int, budget: int, labelled: int) -> Contest:
    """One strategy on one size of pool, as a contest without an opponent."""
    strategy = made(name)

    def data(count: int) -> tuple[Predictions, Predictions]:
        return predictions(strategy, count, seed=1), predictions(strategy, labelled, seed=2)

    def choose(given: tuple[Predictions, Predictions]) -> Any:
        rng = np.random.default_rng(0)
        return strategy.select(given[0], min(budget, len(given[0])), labelled=given[1], rng=rng).positions

    return Contest(name, lambda: data(count), {OURS: choose}, warm_up=lambda: data(500))


def measured(sizes: list[int], names: list[str], budget: int, labelled: int, limit: float) -> Iterator[dict[str, Any]]:
    """A row of the table for each strategy and size; sizes above one that took too long are not tried."""
    for name in names:
        family = type(made(name)).__module__.split(".")[2].replace("_", " ")
        for count in sizes:
            result = measure_apart(Path(__file__), f"{name}/{count}/{budget}/{labelled}", OURS, limit)
            row = {"family": family, "strategy": name, "samples": count}
            if isinstance(result, Measured):
                yield row | {"seconds": round(result.seconds, 4), "MiB beside the input": round(result.mib)}
                continue
            yield row | {"why not": result}
            break


def chart(rows: list[dict[str, Any]]) -> Figure:
    """Seconds against samples, a panel for each family, both axes logarithmic."""
    families = sorted({row["family"] for row in rows})
    columns = 3
    lines = -(-len(families) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.4 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, family in zip(panels, families, strict=False):
        draw(axes, family, [row for row in rows if row["family"] == family and "seconds" in row])
    for axes in panels[len(families) :]:
        axes.set_axis_off()
    figure.supxlabel("samples in the pool", fontsize=10, color=INK)
    figure.supylabel("seconds to choose", fontsize=10, color=INK)
    return figure


def draw(axes: Axes, family: str, rows: list[dict[str, Any]]) -> None:
    """One family's lines."""
    names = sorted({row["strategy"] for row in rows})
    for name, (colour, dash) in styles(names).items():
        mine = [row for row in rows if row["strategy"] == name]
        seconds = [max(row["seconds"], 1e-4) for row in mine]
        axes.plot([row["samples"] for row in mine], seconds, color=colour, linestyle=dash, marker=".", label=name)
    axes.set(xscale="log", yscale="log")
    axes.set_title(family, loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.grid(color=RULE, linewidth=0.6)
    axes.legend(fontsize=7.5, frameon=False, loc="upper left")
    axes.tick_params(colors=INK, labelsize=8, length=0, labelbottom=True)
    for side in axes.spines.values():
        side.set_visible(False)


def main(
    out: Annotated[Path, typer.Option(help="Folder for growth.csv and growth.png.")] = Path(),
    sizes: Annotated[str, typer.Option(help="Pool sizes, separated by commas.")] = "10000,100000,1000000",
    only: Annotated[str, typer.Option(help="Strategies, separated by commas; all if empty.")] = "",
    budget: Annotated[int, typer.Option(help="How many samples to choose.")] = 100,
    labelled: Annotated[int, typer.Option(help="How many are labelled already.")] = 1000,
    limit: Annotated[float, typer.Option(help="Seconds for one strategy and size, data and imports included.")] = 300,
    one: Annotated[tuple[str, str] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Time every strategy on pools of growing size."""
    if one is not None:
        name, *numbers = one[0].split("/")
        print(json.dumps(asdict(measure(task(name, *map(int, numbers)), one[1]))))
        return
    names = [name for name in only.split(",") if name] or STRATEGIES
    if unknown := set(names) - set(STRATEGIES):
        raise typer.BadParameter(
            f"no strategy is called {', '.join(sorted(unknown))}; there are {', '.join(STRATEGIES)}"
        )
    print(
        f"{platform.machine()}, {os.cpu_count()} cores; {WIDTH} wide, {CLASSES} classes, {DRAWS} draws; {budget} chosen"
    )
    rows = []
    for row in measured([int(size) for size in sizes.split(",")], names, budget, labelled, limit):
        rows.append(row)
        print(*(row.get(field, "") for field in FIELDS), sep="\t", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "growth.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    save_png(chart(rows), out / "growth.png")
    sys.stdout.write(f"wrote {out / 'growth.csv'} and {out / 'growth.png'}\n")


if __name__ == "__main__":
    typer.run(main)
