"""What each strategy costs as the pool grows: seconds and memory beside its input, for 10^4, 10^5 and 10^6 samples.

Every strategy of ``strategy=`` chooses a batch with its defaults, alone in a process of its own, from the same made-up
predictions. Draws a chart and writes a table.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from contest import OURS, Contest, measure
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import softmax

from alframe.strategy import Strategy
from alframe.types import Predictions

CONFIGS = Path(__file__).parents[2] / "configs"
CLASSES, WIDTH, DRAWS, ROUNDS = 10, 128, 20, 5
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
    """A row of the table for each strategy and size, smaller ones first, until the strategy's time is up."""
    for name in names:
        family = type(made(name)).__module__.split(".")[2].replace("_", " ")
        task = json.dumps([name, sorted(sizes), budget, labelled])
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, "--one", task], stdout=subprocess.PIPE, text=True
        )
        try:
            lines, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            lines, _ = process.communicate()
        results = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
        for count, result in zip_longest(sorted(sizes), results):
            row = {"family": family, "strategy": name, "samples": count}
            if result is None:
                yield row | {"why not": f"more than {limit:.0f} s for all sizes up to this"}
                break
            yield row | {"seconds": round(result["seconds"], 4), "MiB beside the input": round(result["mib"])}


def chart(rows: list[dict[str, Any]]) -> Figure:
    """Seconds against samples, a panel for each family, both axes logarithmic."""
    from alframe.report.figures import INK  # brings torch and Lightning, which those who are timed can do without

    families = sorted({row["family"] for row in rows})
    columns = 3
    lines = -(-len(families) // columns)
    figure = Figure(figsize=(5.4 * columns, 3.4 * lines), layout="constrained")
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
    from alframe.report.figures import INK, RULE, styles

    names = sorted({row["strategy"] for row in rows})
    for name, (colour, dash) in styles(names).items():
        mine = [row for row in rows if row["strategy"] == name]
        seconds = [max(row["seconds"], 1e-4) for row in mine]
        axes.plot([row["samples"] for row in mine], seconds, color=colour, linestyle=dash, marker=".", label=name)
    axes.set(xscale="log", yscale="log")
    axes.set_title(family, loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.grid(color=RULE, linewidth=0.6)
    axes.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0)
    axes.tick_params(colors=INK, labelsize=8, length=0, labelbottom=True)
    for side in axes.spines.values():
        side.set_visible(False)


def main(
    out: Annotated[Path, typer.Option(help="Folder for growth.csv and growth.png.")] = Path(),
    sizes: Annotated[str, typer.Option(help="Pool sizes, separated by commas.")] = "10000,100000,1000000",
    only: Annotated[str, typer.Option(help="Strategies, separated by commas; all if empty.")] = "",
    budget: Annotated[int, typer.Option(help="How many samples to choose.")] = 100,
    labelled: Annotated[int, typer.Option(help="How many are labelled already.")] = 1000,
    limit: Annotated[float, typer.Option(help="Seconds for one strategy, all sizes, data and imports included.")] = 300,
    one: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Time every strategy on pools of growing size."""
    if one:
        name, counts, chosen, known = json.loads(one)
        for count in counts:
            result = measure(task(name, count, chosen, known), OURS)
            print(json.dumps({"seconds": result.seconds, "mib": result.mib}), flush=True)
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
    from alframe.report.figures import save_png

    save_png(chart(rows), out / "growth.png")
    sys.stdout.write(f"wrote {out / 'growth.csv'} and {out / 'growth.png'}\n")


if __name__ == "__main__":
    typer.run(main)
