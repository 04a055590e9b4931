"""The commands ``alframe audit``: who did what in a labelling service, and whether that is still what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.cli.service import Database, Service, opened_database

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def audit() -> None:
    """The audit trail of a labelling service: verify it, and read it."""


@app.command()
def verify(
    service: Service = Path("service"),
    database: Database = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="The head that an earlier verification printed, noted elsewhere: it finds what was cut off at the end "
            "since.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find the first entry that was changed, moved, put in or taken out; exits with 1 if there is one."""
    from alframe.access import audit_trail

    progress.be_quiet(False)
    with explained(), opened_database(service, database) as opened:
        verdict = audit_trail.verify(opened, expected_head=head)
    if verdict.first_bad is not None:
        typer.secho(f"entry {verdict.first_bad} is bad: {verdict.why}", err=True, fg=typer.colors.RED)
        raise typer.Exit(1)
    progress.say(f"{verdict.entries} entries, each as it was written; head {verdict.head}")


@app.command()
def show(
    service: Service = Path("service"),
    database: Database = None,
    limit: Annotated[int, typer.Option(min=1, help="Show the latest so many.")] = 20,
    actor: Annotated[str | None, typer.Option(help="Only what this user did.", show_default=False)] = None,
) -> None:
    """List what was done, the latest last."""
    from alframe.access.audit_trail import latest

    progress.be_quiet(False)
    table = Table(title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for column in ("entry", "when (UTC)", "who", "what", "to", "detail"):
        table.add_column(column, overflow="fold", no_wrap=column == "when (UTC)")
    with explained(), opened_database(service, database) as opened:
        for row in latest(opened, limit, actor):
            cells = (str(row.entry), f"{row.at:.16}", row.actor, row.action, row.subject, row.detail)
            table.add_row(*map(escape, cells))
    progress.console.print(table)
