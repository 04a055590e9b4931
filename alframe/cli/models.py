"""The commands ``alframe models``: which versions a run has, which is champion, and copies of one for elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from hydra.utils import instantiate
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.cli.options import Quiet

if TYPE_CHECKING:
    from alframe.models import Version
    from alframe.registry import Registry

ABSENT = "-"
Format = Literal["onnx", "torchscript", "torch_export"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

Run = Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A round, or champion, challenger, previous.")]
Reason = Annotated[str, typer.Option(help="Why; the promotion log keeps it.", show_default=False)]


@app.callback()
def models() -> None:
    """The models of a run: list and compare them, change the champion, export one."""


@app.command("list")
def list_versions(run: Run) -> None:
    """List every version of a run's model, and say who is champion: [dim]alframe models list runs/NAME[/]."""
    from alframe.models import opened_models

    progress.be_quiet(False)
    with explained(), opened_models(run) as found:
        versions = found.versions()
        metric = next((next(iter(v.point.evaluation.metrics)) for v in versions if v.point), "metric")
        table = _table(run.resolve().name, "round", "", "labels", metric, "gate", "cause", "trained (UTC)")
        for version in versions:
            point, decision = version.point, version.decision
            table.add_row(
                str(version.round),
                Text(", ".join(version.roles), style="bold" if "champion" in version.roles else ""),
                ABSENT if point is None else str(point.labels),
                ABSENT if point is None else f"{point.evaluation.metrics[metric]:.4f}",
                ABSENT if decision is None else decision.verdict,
                Text(version.beginning.cause),
                f"{version.steps['train'].finished_at:%Y-%m-%d %H:%M:%S}",
            )
        progress.console.print(table if versions else "no model was trained yet: let the first round end")


@app.command()
def show(run: Run, version: Name = "champion") -> None:
    """Show all that is known of a version: its metrics, the gate's checks, its promotions, its files.

    Where the run has a registry, also its version and its aliases there, and whether its files there are undamaged.
    """
    from alframe.models import opened_models

    progress.be_quiet(False)
    with explained(), opened_models(run) as found:
        chosen = found.version(version)
        history, damaged = found.history(chosen), found.damaged(chosen)
        for line in _facts(chosen):
            progress.say(line)
        for table in _tables(chosen):
            progress.console.print(table)
        told = _table("Promotion log", "when (UTC)", "what", "why")
        for entry in history:
            before = "" if entry.former is None else f" after {entry.former}"
            what = f"{entry.kind} of {entry.round}{before}"
            told.add_row(f"{entry.created_at:%Y-%m-%d %H:%M:%S}", what, Text(entry.reason))
        if history:
            progress.console.print(told)
        progress.say(f"Files in {escape(str(run))}, after their SHA-256")
        for name, sha256 in chosen.files.items():
            progress.say(f"  {sha256}  {escape(name)}{' [red](gone or changed)[/]' if name in damaged else ''}")
        if "register" in chosen.steps and (kept := registry_of(run)(run).find(chosen.round)):
            name = ", ".join((f"version {kept.version}", *kept.aliases)) + "; " if kept.version else ""
            state = f"[red]{escape(kept.damage)}[/]" if kept.damage else "its files have the SHA-256 they should"
            progress.say(f"Registry {escape(kept.place)}: {name}{state}")


@app.command()
def labels(
    run: Run,
    version: Name = "champion",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; the screen by default.")] = None,
) -> None:
    """Name the labels that a version was trained on, as CSV: [dim]alframe models labels runs/NAME 3 -o labels.csv[/].

    Each is an entry of the run's ledger, which never changes: its number, its key, who said so and when. What was
    corrected since stands there as it was when the model saw it.
    """
    from alframe.models import opened_models
    from alframe.models.label_table import labels_as_csv
    from alframe.storage import whole_file

    progress.be_quiet(False)
    with explained(), opened_models(run) as found:
        chosen = found.version(version)
        lines = labels_as_csv(found.labels(chosen), chosen.beginning.classes)
        if output is None:
            typer.echo(lines, nl=False)
        else:
            with whole_file(output) as unfinished:
                unfinished.write_text(lines, encoding="utf-8")
            progress.say(f"{escape(_named(chosen))}: {escape(str(output))}")


@app.command()
def compare(run: Run, first: Name, second: Name) -> None:
    """Compare two versions, metric by metric and by class: [dim]alframe models compare runs/NAME 3 champion[/]."""
    from alframe.errors import ConfigurationError
    from alframe.models import opened_models

    progress.be_quiet(False)
    with explained(), opened_models(run) as found:
        sides = [found.version(first), found.version(second)]
        points = [side.point for side in sides if side.point is not None]
        if len(points) < len(sides):
            rounds = " and ".join(str(side.round) for side in sides if side.point is None)
            raise ConfigurationError(f"round {rounds} has no evaluation yet: let it end")
        names = [_named(side) for side in sides]
        one, other = (point.evaluation for point in points)
        table = _table("Metrics on the test set", "metric", *names, "difference")
        table.add_row("labels", *(str(point.labels) for point in points), f"{points[1].labels - points[0].labels:+d}")
        for metric in one.metrics:
            table.add_row(metric, *_side_by_side(one.metrics[metric], other.metrics[metric]))
        progress.console.print(table)
        metric = next(iter(one.metrics))
        table = _table(f"{metric} of each class", "class", *names, "difference")
        classes = max((side.beginning.classes for side in sides), key=len)
        for label, *values in zip_longest(classes, one.by_class, other.by_class):
            table.add_row(Text(str(label)), *_side_by_side(*values))
        progress.console.print(table)


@app.command()
def promote(run: Run, version: Name, reason: Reason, quiet: Quiet = False) -> None:
    """Make a version champion by hand: [dim]alframe models promote runs/NAME 3 --reason="..."[/].

    The next round then begins from it.
    """
    from alframe.models import promote as promote_version

    progress.be_quiet(quiet)
    with explained():
        chosen = promote_version(run, version, reason=reason, make_registry=registry_of(run))
        progress.say(f"round {chosen.round} is champion")


@app.command()
def rollback(run: Run, reason: Reason, quiet: Quiet = False) -> None:
    """Make the champion before this one champion again: [dim]alframe models rollback runs/NAME --reason="..."[/]."""
    from alframe.models import roll_back

    progress.be_quiet(quiet)
    with explained():
        chosen = roll_back(run, reason=reason, make_registry=registry_of(run))
        progress.say(f"round {chosen.round} is champion again")


@app.command()
def export(
    run: Run,
    version: Name = "champion",
    into: Annotated[Format, typer.Option("--format", help="What to write.")] = "onnx",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; exports/RUN-roundROUND.SUFFIX by default.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a version for other programs, from normalised images to probabilities, in batches of any size.

    The file is read again and its outputs compared with the model's before it gets its name. Classes, mean, deviation
    and size of the images are in its metadata.
    """
    from alframe.models import opened_models
    from alframe.models.exporting import export as export_version

    progress.be_quiet(quiet)
    with explained(), opened_models(run) as found:
        chosen = found.version(version)
        learner = _learner(found.config, len(chosen.beginning.classes))
        path, difference = export_version(found, chosen, learner, into, output)
        progress.say(f"round {chosen.round} as {into}: {escape(str(path))}; its outputs are within {difference:.1g}")


def registry_of(run: Path) -> Callable[[Path], Registry]:
    """What builds the registry of a run over its folder."""
    from alframe.models import opened_models

    with opened_models(run) as found:
        made: Callable[[Path], Registry] = _instantiated(found.config["registry"])
    return made


def _learner(config: Any, classes: int) -> Any:
    """An untrained one, as the run builds them."""
    from alframe.scoring import grown_for

    size = config["transforms"]
    strategy, make = _instantiated(config["strategy"]), _instantiated(config["learner"])
    shape = (size["channels"], size["image_size"], size["image_size"])
    return make(shape, classes, **grown_for(strategy.needs))


def _instantiated(section: Any) -> Any:
    sys.path.append(str(Path.cwd()))  # a configuration may name a class of the user's own
    return instantiate(section, _convert_="all")


def _facts(version: Version) -> list[str]:
    beginning, decision = version.beginning, version.decision
    lines = [
        f"[bold]{escape(_named(version))}[/]",
        f"began: {escape(beginning.cause)}; from "
        + ("nothing" if beginning.base is None else f"the model of round {beginning.base}")
        + f"; {beginning.samples} samples, {len(beginning.classes)} classes",
    ]
    if decision is not None:
        needed = "" if decision.needed is None else f"; {decision.needed} gate samples would decide"
        lines.append(f"gate: {decision.verdict}, {escape(decision.reason)}{needed}")
    if not version.ended:
        lines.append("[yellow]its round has not ended[/]")
    return lines


def _tables(version: Version) -> list[Table]:
    """Metrics, and the checks of the gate, as far as there are any."""
    tables = []
    if version.point is not None:
        table = _table("Metrics on the test set", "metric", "value")
        table.add_row("labels", str(version.point.labels))
        for metric, value in version.point.evaluation.metrics.items():
            table.add_row(metric, f"{value:.4f}")
        classes = zip(version.beginning.classes, version.point.evaluation.by_class, strict=False)
        for label, share in classes:
            table.add_row(Text(f"of {label}"), ABSENT if share is None else f"{share:.4f}")
        tables.append(table)
    if version.decision is not None and version.decision.checks:
        table = _table("Checks of the gate", "check", "passed", "champion", "challenger", "limit", "note")
        for check in version.decision.checks:
            numbers = (check.champion, check.challenger, check.limit)
            shown = (ABSENT if number is None else f"{number:.4f}" for number in numbers)
            table.add_row(Text(check.name), "yes" if check.passed else "[red]no[/]", *shown, Text(check.note))
        tables.append(table)
    return tables


def _side_by_side(one: float | None, other: float | None) -> Sequence[str]:
    texts = [ABSENT if value is None else f"{value:.4f}" for value in (one, other)]
    return [*texts, ABSENT if one is None or other is None else f"{other - one:+.4f}"]


def _named(version: Version) -> str:
    return f"round {version.round}" + (f" ({', '.join(version.roles)})" if version.roles else "")


def _table(title: str, *columns: str) -> Table:
    """Names to the left and folded where there is little room."""
    table = Table(title=Text(title), title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table
