"""The command that lets a challenger serve more and more of recorded production samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.cli.models import registry_of
from alframe.cli.options import Quiet

if TYPE_CHECKING:
    from alframe.gate import CanaryRecord, Stage

REGRESSION = 3
"""How the command exits then, so that scripts can tell."""


def canary(
    run: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
    predictions: Annotated[
        Path,
        typer.Argument(
            help="CSV: id, champion, challenger and truth, or champion_score and challenger_score; time if wanted.",
            show_default=False,
        ),
    ],
    stages: Annotated[str, typer.Option(help="Percentages that the challenger serves in turn.")] = "5,25,100",
    samples: Annotated[int, typer.Option(help="Scored samples that a stage takes.")] = 200,
    margin: Annotated[float, typer.Option(help="How much worse the challenger may be.")] = 0.0,
    missing: Annotated[float, typer.Option(help="Share of a stage's samples that may have no score.")] = 0.5,
    confidence: Annotated[float, typer.Option(help="Of all stages together.")] = 0.95,
    challenger: Annotated[
        int | None, typer.Option(help="The round that trained the challenger; the champion's by default.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Let a model serve more and more of recorded samples: [dim]alframe canary runs/NAME predictions.csv[/].

    First both models are compared on everything, then on the 5, 25 and 100 % that the challenger serves. One that
    passes is champion from then on. Where it is shown to be worse it is rolled back, and the command exits with 3;
    where samples or scores are missing it pauses, and goes on when the same command finds more at the end of the file.
    """
    from alframe.gate import Rollout
    from alframe.models import roll_out

    progress.be_quiet(quiet)
    with explained():
        rollout = Rollout(_shares(stages), samples, margin, missing, confidence)
        found = roll_out(run, predictions, rollout, make_registry=registry_of(run), challenger=challenger)
        progress.console.print(_table(found))
        progress.say(f"round {found.challenger} [bold]{found.status}[/]: {escape(found.stages[-1].note)}")
        progress.say(found.note or f"round {found.champion} is champion")
    if found.status in ("regression", "rolled back"):
        raise typer.Exit(REGRESSION)


def _shares(text: str) -> tuple[float, ...]:
    from alframe.errors import ConfigurationError

    try:
        return tuple(float(share) for share in text.split(","))
    except ValueError:
        raise ConfigurationError(f"--stages are percentages separated by commas, as 5,25,100; got {text!r}") from None


def _table(record: CanaryRecord) -> Table:
    table = Table("stage", "served", "scored", "champion", "challenger", "interval", "outcome", title="Rollout")
    for stage in record.stages:
        name = f"{stage.share:g} %" if stage.share else "shadow"
        table.add_row(name, str(stage.served), str(stage.measured), *_figures(stage), stage.outcome)
    return table


def _figures(stage: Stage) -> tuple[str, str, str]:
    if stage.check is None or stage.check.interval is None:
        return "", "", ""
    low, high = stage.check.interval
    return f"{stage.check.champion:.4f}", f"{stage.check.challenger:.4f}", f"{low:+.4f} to {high:+.4f}"
