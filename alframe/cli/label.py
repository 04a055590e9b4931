"""The commands ``alframe label``: images and labels into a labelling project and out of it, and how its work goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal
from zipfile import ZipFile

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.cli.options import Quiet
from alframe.cli.service import Database, Service, opened_database
from alframe.errors import DataError

if TYPE_CHECKING:
    from alframe.labelling.projects import Project
    from alframe.labelling.statistics.summary import Statistics
    from alframe.storage.service import ServiceDatabase

ACTOR = "system"
"""Whoever may run these commands can read the database: there is no signing in."""

ABSENT = "-"
SHOWN = 10
"""Of what was refused, so much is named on the screen."""

SERVICE = Path("service")

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

Named = Annotated[str, typer.Option("--project", "-p", help="The project's name.", show_default=False)]


@app.callback()
def label() -> None:
    """Labels of people: bring some into a labelling project, take them out of it, and see how its work goes."""


@app.command("import")
def import_(
    archive: Annotated[
        Path,
        typer.Argument(
            help="A ZIP or a folder of images. Its labels.csv may name them: sample,label and perhaps image and group; "
            "a label is the name of a class, or objects as JSON."
        ),
    ],
    project: Named,
    service: Service = SERVICE,
    database: Database = None,
    quiet: Quiet = False,
) -> None:
    """Add images to a project, with labels if there are some: [dim]alframe label import photos.zip -p parts[/].

    Brought again it changes nothing. What a cycle asks for and is labelled here is asked of nobody.
    """
    from alframe.labelling.exchange.importing import import_zip
    from alframe.labelling.folder import IMAGES
    from alframe.labelling.images import ImageStore

    progress.be_quiet(quiet)
    with explained(), _project(service, database, project) as (opened, found), _zip(archive) as file:
        done = import_zip(opened, ImageStore(service / IMAGES), found.id, file, by=ACTOR)
        progress.say(f"{done.items} images in {escape(project)}, {done.labels} of them with a label from here")
        for reason in done.refused[:SHOWN]:
            progress.say(f"[yellow]left out[/]: {escape(reason)}")
        if len(done.refused) > SHOWN:
            progress.say(f"[yellow]left out[/]: {len(done.refused) - SHOWN} more")


@app.command()
def export(
    project: Named,
    output: Annotated[Path, typer.Option("--output", "-o", help="The ZIP to write.", show_default=False)],
    into: Annotated[Literal["csv", "coco"], typer.Option("--format", help="Of objects; classes are a table.")] = "csv",
    images: Annotated[bool, typer.Option("--images", help="With the files of the images.")] = False,
    service: Service = SERVICE,
    database: Database = None,
    quiet: Quiet = False,
) -> None:
    """Write the labels that hold, with who settled them: [dim]alframe label export -p parts -o labels.zip[/].

    Images that are held are left out.
    """
    from alframe.labelling.exchange.exporting import export as export_labels
    from alframe.labelling.folder import IMAGES
    from alframe.labelling.images import ImageStore
    from alframe.storage import whole_file

    progress.be_quiet(quiet)
    with explained(), _project(service, database, project) as (opened, found):
        store = ImageStore(service / IMAGES) if images else None
        with whole_file(output) as unfinished, unfinished.open("wb") as file:
            count = export_labels(opened, store, found.id, file, by=ACTOR, format=into)
        progress.say(f"{count} labels of {escape(project)}: {escape(str(output))}")


@app.command()
def stats(
    project: Named,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    service: Service = SERVICE,
    database: Database = None,
) -> None:
    """Show how far a project is, who labels and how well they agree: [dim]alframe label stats -p parts[/]."""
    from alframe.labelling.statistics.summary import statistics

    progress.be_quiet(False)
    with explained(), _project(service, database, project) as (opened, found):
        known = statistics(opened, found.id)
    if as_json:
        typer.echo(json.dumps(known.document(), indent=2, ensure_ascii=False))
        return
    for table in _tables(known):
        progress.console.print(table)
    measure = f"{known.agreement.measure}: {_number(known.agreement.value)}"
    progress.say(f"{known.answers} answers, which cost {known.cost:g}; {measure}")


@app.command()
def doubts(
    project: Named,
    ask: Annotated[
        int, typer.Option("--ask", min=0, help="Ask one person more about so many: those where it is worth most.")
    ] = 0,
    service: Service = SERVICE,
    database: Database = None,
    quiet: Quiet = False,
) -> None:
    """List the labels that a model doubts which did not know them: [dim]alframe label doubts -p parts --ask 10[/]."""
    from alframe.labelling.signals.relabelling import queue_relabels, stored_probs, suspects, worth

    progress.be_quiet(quiet)
    with explained(), _project(service, database, project) as (opened, found):
        probs = stored_probs(opened, found.id)
        doubted = suspects(opened, found.id, probs)
        rows = [(each.sample_id, each.label, each.predicted, each.quality) for each in doubted[:SHOWN]]
        lines = [(name, found.classes[said], found.classes[other], _number(how)) for name, said, other, how in rows]
        progress.console.print(_lines("Doubts", ("image", "label", "predicted", "quality"), lines))
        progress.say(f"{len(doubted)} labels of {escape(project)} are doubted")
        if ask and doubted:
            worths = worth(opened, found.id, probs)
            asked = queue_relabels(opened, found.id, None, doubted, worths, model="", limit=ask)
            progress.say(f"{asked} of them are asked for again")


@contextmanager
def _project(service: Path, url: str | None, name: str) -> Iterator[tuple[ServiceDatabase, Project]]:
    """The service's database, and its project of this name.

    Raises:
        ConfigurationError: there is no such service.
        NotFound: there is no such project.
    """
    from alframe.labelling.projects import Projects

    with opened_database(service, url) as database:
        yield database, Projects(database).named(name)


@contextmanager
def _zip(archive: Path) -> Iterator[BinaryIO]:
    """The ZIP, or one made of the folder's files.

    Raises:
        DataError: there is neither.
    """
    if archive.is_file():
        with archive.open("rb") as file:
            yield file
        return
    if not archive.is_dir():
        raise DataError(f"{archive} is neither a ZIP nor a folder")
    with TemporaryFile() as file:
        with ZipFile(file, "w") as packed:
            for path in sorted(path for path in archive.rglob("*") if path.is_file()):
                packed.write(path, path.relative_to(archive).as_posix())
        file.seek(0)
        yield file


def _tables(known: Statistics) -> Iterator[Table]:
    """Progress, people, and slices where there are any."""
    states = _table("Tasks", *known.tasks)
    states.add_row(*map(str, known.tasks.values()))
    yield states
    people = _table("People", "name", "answers", "seconds", "gold right", "skill", "verdict")
    for each in known.annotators:
        gold = f"{each.gold_right} of {each.gold_asked}" if each.gold_asked else ABSENT
        verdict = each.verdict or ABSENT
        people.add_row(
            Text(each.name), str(each.answers), _number(each.seconds, 1), gold, _number(each.skill), Text(str(verdict))
        )
    if known.annotators:
        yield people
    yield _lines("Classes", ("class", "settled"), [(each.class_, str(each.settled)) for each in known.classes])
    if {each.group for each in known.groups} - {""}:
        lines = [
            (
                each.group or ABSENT,
                str(each.items),
                f"{each.queried:.0%}",
                f"{each.labelled:.0%}",
                _number(each.agreement),
            )
            for each in known.groups
        ]
        yield _lines("Groups", ("group", "images", "asked", "labelled", "agreement"), lines)


def _lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = _table(title, *columns)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title), title_justify="left", header_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _number(value: Any, digits: int = 2) -> str:
    return ABSENT if value is None else f"{value:.{digits}f}"
