"""What comes to a run's pool after it began: ``alframe pool add`` and ``alframe pool list``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from hydra.utils import instantiate
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.cli.options import Quiet
from alframe.errors import ConfigurationError, RunConflict

if TYPE_CHECKING:
    from alframe.arrivals import Admission, Report, Reported
    from alframe.data import Source
    from alframe.types import Annotation

SHOWN = 10
"""Of what was not added, so many of a kind are named on the screen; the log has them all."""

pool = typer.Typer(no_args_is_help=True, help="What comes to a run's pool after it began: add it, and list it.")

Run = Annotated[Path, typer.Argument(help="The folder of a run.")]


@pool.command()
def add(
    run: Run,
    images: Annotated[
        Path,
        typer.Argument(
            help="A folder of images; or a CSV file with the column path and any of label, group, cost, kind, weight, "
            "predicted, confidence, model, comment, captured_at. Labels are classes; those of objects, boxes and "
            "masks, cannot come this way: people draw them when a cycle asks."
        ),
    ],
    root: Annotated[
        Path | None, typer.Option(help="The folder that a table's paths start from; by default its own.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="Why they come, where the table does not say: feedback, low_confidence, gate_failure, drift, other."
        ),
    ] = "feedback",
    weight: Annotated[
        float | None,
        typer.Option(
            help="How much that counts for strategies, where the table does not say; by default 1 for feedback and "
            "gate_failure, 0.5 for the others."
        ),
    ] = None,
    new_class: Annotated[
        list[str] | None,
        typer.Option(help="Append a class to those of the run; may be given several times."),
    ] = None,
    distance: Annotated[
        int,
        typer.Option(
            help="An image is compared with those whose perceptual hash differs from its own in at most so many of 64 "
            "bits; it is a copy where their thumbnails agree, so that a new scratch on the same part is none. Images "
            "of less than 32 pixels a side are compared byte by byte."
        ),
    ] = 10,
    keep_similar: Annotated[
        bool,
        typer.Option(
            "--keep-similar", help="Add what looks like another image too; it may be a copy of one that is held out."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Add images to a run's pool, with the evidence against its model: [dim]alframe pool add runs/NAME failures.csv[/].

    Each is copied into the run's folder, once; of copies of what the pool has, in any format or size, the evidence is
    kept: the first time, all of the run's own images are looked at for that. Rounds that begin from then on can ask for
    labels.
    """
    from alframe.arrivals import Arrivals, Listing
    from alframe.logfile import log_to

    progress.be_quiet(quiet)
    with explained(), _run(run) as (database, base), log_to(run / "alframe.log"):
        arrivals = Arrivals(database, run)
        classes = (*base.classes, *arrivals.new_classes(), *(new_class or ()))
        _check_class_weights(run, {*classes}.difference(base.classes))
        listing = Listing(classes, kind=kind, weight=weight, with_labels=not base.table.has_objects)
        items = listing.read(images, root)
        report = arrivals.add(items, base, new_classes=new_class or (), distance=None if keep_similar else distance)
        _tell(run, report, arrivals.count())


@pool.command("list")
def list_(
    run: Run,
    limit: Annotated[int, typer.Option(min=1, help="Show the latest so many.")] = 20,
    quiet: Quiet = False,
) -> None:
    """List what was said of the samples in a run's pool: which arrived and why, and what has become of them."""
    from alframe.arrivals import Arrivals
    from alframe.pool import Ledger

    progress.be_quiet(quiet)
    with explained(), _run(run) as (database, base):
        arrivals = Arrivals(database, run)
        arrived, reports = arrivals.rows(), arrivals.reports()
        classes = (*base.classes, *arrivals.new_classes())
        if reports:
            groups = {each.sample_id: each.group for each in arrived}
            progress.console.print(_table(reports[-limit:], groups, Ledger(database).current(), classes))
        progress.say(f"{len(arrived)} arrived in {escape(str(run))}; classes: {escape(', '.join(classes))}")


@contextmanager
def _run(folder: Path) -> Iterator[tuple[Engine, Source]]:
    """The database of the run in ``folder``, and the source that it began with."""
    from alframe.pool import fingerprint
    from alframe.report.run_folder import read_config
    from alframe.storage import open_database, sqlite_url
    from alframe.storage.run_folder import DATABASE

    config: Mapping[str, Any] = read_config(folder)
    base: Source = instantiate(config["data"], _convert_="all")
    if fingerprint(base.table) != config["data_sha256"]:
        raise RunConflict(
            f"{base.name} is no longer what the run in {folder} began with (other samples, labels or test set): "
            "restore it, and add what is new with `alframe pool add`"
        )
    database = open_database(sqlite_url(folder / DATABASE))
    try:
        yield database, base
    finally:
        database.dispose()


def _check_class_weights(run: Path, new: set[str]) -> None:
    """Refuse a class that no learner of this run could have, before any cycle begins with it."""
    from alframe.report.run_folder import read_config

    if new and isinstance(read_config(run)["learner"].get("class_weights"), list):
        raise ConfigurationError(
            f"learner.class_weights of the run in {run} has a number for each of its classes and none for "
            f"{', '.join(sorted(new))}: begin a run with learner.class_weights=balanced, whose classes may become more"
        )


def _tell(run: Path, report: Report, count: int) -> None:
    table = Table(title=f"{len(report.admissions)} images offered to {escape(run.name)}")
    table.add_column("")
    table.add_column("images", justify="right")
    counted = {"added": report.added, "known already": report.duplicates, "refused": report.refused}
    for name, admissions in counted.items():
        table.add_row(name, str(len(admissions)))
    progress.console.print(table)
    more = tuple(each for each in report.duplicates if each.is_news)
    old = tuple(each for each in report.duplicates if not each.is_news)
    told = {"known already; evidence added": more, "known already": old, "[yellow]refused[/]": report.refused}
    for name, admissions in told.items():
        for each in admissions[:SHOWN]:
            progress.say(f"{name}: {_reason(each)}")
        if len(admissions) > SHOWN:
            progress.say(f"{name}: {len(admissions) - SHOWN} more, which {escape(str(run / 'alframe.log'))} names")
    progress.say(f"{count} arrived so far; ask for their labels with [bold]alframe cycle {escape(str(run))}[/]")


def _reason(admission: Admission) -> str:
    name = f" ({admission.sample_id})" if admission.sample_id else ""
    return escape(f"{admission.item.place}: {admission.why}{name}")


def _table(
    reports: list[Reported], groups: Mapping[str, str], current: Mapping[str, Annotation], classes: tuple[str, ...]
) -> Table:
    table = Table(title="What was reported, the latest last")
    for column in ("sample", "when (UTC)", "state", "why", "predicted", "said to be", "group", "comment"):
        table.add_column(column, overflow="fold")
    for each in reports:
        evidence = each.evidence
        sure = "" if evidence.confidence is None else f" {evidence.confidence:.2f}"
        cells = (
            each.sample_id,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            _state(current.get(each.sample_id), classes),
            f"{evidence.kind} {evidence.weight:g}",
            f"{evidence.predicted}{sure}",
            evidence.label,
            groups.get(each.sample_id, ""),
            evidence.comment,
        )
        table.add_row(*map(escape, cells))
    return table


def _state(annotation: Annotation | None, classes: tuple[str, ...]) -> str:
    if annotation is None:
        return "unlabelled"
    if annotation.label is None:
        return f"set aside: {annotation.reason}"
    return f"labelled {classes[annotation.label]}" if isinstance(annotation.label, int) else "labelled"
