"""The ``alframe`` command, and the only room that knows Hydra."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from hydra import main as hydra_main
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.markup import escape

from alframe import __version__, progress
from alframe.cli.audit import app as audit
from alframe.cli.canary import canary
from alframe.cli.configs_folder import CONFIGS
from alframe.cli.continuing import cycle, opened_again
from alframe.cli.label import app as label
from alframe.cli.mistakes import INTERRUPTED, explained
from alframe.cli.models import app as models
from alframe.cli.options import Quiet
from alframe.cli.pool import pool
from alframe.cli.serve import serve
from alframe.cli.users import app as users
from alframe.configuration import check
from alframe.errors import AlframeError

__all__ = ["CONFIGS", "INTERRUPTED", "app", "main", "register_resolvers"]

HYDRA = {"ignore_unknown_options": True, "allow_extra_args": True}
"""The settings of a command whose words are Hydra's."""

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


@app.callback(invoke_without_command=True)
def alframe(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Deep active learning for vision: decide which images people should label next.

    Begin with [bold]alframe run[/]: it runs on the embedded digits, in a minute, and says where its report is.
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command(context_settings=HYDRA, add_help_option=False)
def run(context: typer.Context, quiet: Quiet = False) -> None:
    """Run active learning: [dim]alframe run data=mnist strategy=bald[/]; [bold]alframe run --help[/] lists all choices.

    The same command goes on with a run that was stopped.
    """
    progress.be_quiet(quiet)
    _configured("run", "config", context.args, _run)


@app.command(context_settings=HYDRA, add_help_option=False)
def score(context: typer.Context, quiet: Quiet = False) -> None:
    """Score a pool with a run's model and keep the predictions: [dim]alframe score model=runs/NAME[/].

    The same command goes on where it was stopped. [bold]alframe score --help[/] lists what can be said.
    """
    progress.be_quiet(quiet)
    _configured("score", "score", context.args, _score)


@app.command(context_settings=HYDRA, add_help_option=False)
def select(context: typer.Context, quiet: Quiet = False) -> None:
    """Choose from stored predictions: [dim]alframe select predictions/NAME strategy=margin budget=100[/].

    [bold]alframe select --help[/] lists what can be said.
    """
    progress.be_quiet(quiet)
    _configured("select", "select", _named("predictions", context.args), _select)


@app.command(context_settings=HYDRA, add_help_option=False)
def export(context: typer.Context, quiet: Quiet = False) -> None:
    """Write a data source as COCO, CVAT, VOC, YOLO or masks: [dim]alframe export data=surface_defects format=yolo[/].

    [bold]alframe export --help[/] lists what can be said.
    """
    progress.be_quiet(quiet)
    _configured("export", "export", context.args, _export)


@app.command(context_settings=HYDRA, add_help_option=False)
def watch(
    context: typer.Context,
    change: Annotated[list[str] | None, typer.Option("--with", help="What cycles do otherwise than the run.")] = None,
    quiet: Quiet = False,
) -> None:
    """Begin a cycle of a run when a trigger fires: [dim]alframe watch runs/NAME[/].

    It evaluates triggers until it is stopped. [bold]alframe watch --help[/] lists what can be said.
    """
    progress.be_quiet(quiet)
    changes = [f"changes=[{','.join(map(_quoted, change))}]"] if change else []
    _configured("watch", "watch", [*_named("run", context.args), *changes], _watch)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that contain runs (a sweep).")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where to write; by default the sweep, or beside the run, that is given first."
        ),
    ] = None,
    target: Annotated[
        list[float] | None,
        typer.Option(
            help="Accuracy, mAP50 or mean IoU to count labels to; may be given several times. By default four from 0.8 "
            "(accuracy) or 0.5 up."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Compare runs: learning curves with bands, labels saved against random, paired tests; table, CSV, PNG and page."""
    from alframe import report
    from alframe.report.run_folder import is_run

    progress.be_quiet(quiet)
    with explained():
        comparison = report.compare(report.find_runs(runs), targets=target or None)
        for table in report.comparison_tables(comparison):
            progress.console.print(table)
        for line in (*comparison.notes, report.headline(comparison)):
            progress.say(escape(line))
        beside = runs[0].parent if is_run(runs[0]) else runs[0]  # a run's folder has a report of its own
        progress.say(f"report: {escape(str(report.write_comparison(comparison, output or beside)))}")


app.command()(cycle)
app.command()(canary)
app.command()(serve)
app.add_typer(pool, name="pool")
app.add_typer(models, name="models")
app.add_typer(label, name="label")
app.add_typer(users, name="users")
app.add_typer(audit, name="audit")


def main() -> None:
    """Run the command."""
    app()


def _named(key: str, words: Sequence[str]) -> list[str]:
    """Hydra's words, of which the first may be the value of ``key`` alone."""
    if not words or words[0].startswith("-"):
        return list(words)
    return [f"{key}={_quoted(words[0])}", *words[1:]]


def _quoted(word: str) -> str:
    """A word that may hold signs which mean something to Hydra."""
    return "'{}'".format(word.replace("'", r"\'"))


def _configured(command: str, root: str, overrides: Sequence[str], task: Callable[[DictConfig], None]) -> None:
    """Run ``task`` on the configuration ``root`` with these overrides."""
    # Hydra then raises instead of printing a message of its own and leaving.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.path.append(str(Path.cwd()))  # a configuration may name a class of the user's own
    with explained(overrides, root):
        sys.argv = [f"alframe {command}", *overrides]
        refused: list[AlframeError] = []

        def refusable(config: DictConfig) -> None:
            try:
                task(config)
            except AlframeError as error:
                if HydraConfig.get().mode is RunMode.MULTIRUN:
                    raise
                refused.append(error)  # Hydra would say in words of its own that a job has failed

        hydra_main(version_base="1.3", config_path=str(CONFIGS), config_name=root)(refusable)()
        for error in refused:
            raise error


def _run(config: DictConfig) -> None:
    from alframe.run import Parts
    from alframe.run import run as run_parts

    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    with _never_left_empty(folder):
        plain = _checked(config, Parts)
        if hydra.mode is RunMode.MULTIRUN and hydra.runtime.choices["hydra/launcher"] != "basic":
            progress.sign(folder.name)
        choices = {group: choice for group, choice in hydra.runtime.choices.items() if group.split("/")[0] in plain}
        run_parts(instantiate(config, _convert_="all"), folder, {"choices": choices, **plain})


@contextmanager
def _never_left_empty(folder: Path) -> Iterator[None]:
    """Hydra makes a folder for every run; take away that of one that was refused."""
    try:
        yield
    finally:
        with suppress(OSError):  # somebody's, who has written there
            folder.rmdir()


def _score(config: DictConfig) -> None:
    from alframe.score import Job, find_model, score_pool, setup_of

    plain = _checked(config, Job)
    model = find_model(Path(plain["model"]), plain["model_round"])
    job: Job = instantiate(config, _convert_="all")

    def of_the_run(section: str) -> Any:
        return instantiate(model.config[section], _convert_="all")

    score_pool(
        job,
        model,
        data=of_the_run("data") if job.data is None else job.data,
        transforms=of_the_run("transforms"),
        make_learner=of_the_run("learner"),
        strategy=of_the_run("strategy"),
        setup=setup_of(plain, model),
    )


def _select(config: DictConfig) -> None:
    from alframe.select import Choice
    from alframe.select import select as select_batch

    _checked(config, Choice)
    select_batch(instantiate(config, _convert_="all"))


def _export(config: DictConfig) -> None:
    from alframe.export import Export
    from alframe.export import export as export_data

    _checked(config, Export)
    export_data(instantiate(config, _convert_="all"))


def _watch(config: DictConfig) -> None:
    from alframe.continuation import unfinished
    from alframe.watch import Watch
    from alframe.watch import watch as watch_run

    _checked(config, Watch)
    job: Watch = instantiate(config, _convert_="all")
    folder = Path(job.run)
    # A round that has begun is ended as it began, whatever is to be changed from now on.
    watch_run(job, lambda: opened_again(folder, () if unfinished(folder) else job.changes))


def _checked(config: DictConfig, root: Callable[..., Any]) -> dict[str, Any]:
    """The configuration as plain values, checked against the class that takes it."""
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    check(plain, root)
    return plain


def register_resolvers() -> None:
    """Teach the configuration files ``${folder_name:...}``: overrides without slashes, quotes or spaces."""
    OmegaConf.register_new_resolver(
        "folder_name", lambda overrides: re.sub(r"[^\w.,=+-]+", "-", overrides) or "default", replace=True
    )


register_resolvers()  # here, because a launcher's processes import this module and then read configurations
