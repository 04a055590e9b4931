"""What a person sees while alframe works: bars on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

QUIET = "ALFRAME_QUIET"
"""Set in the environment of the processes that a quiet command starts."""

console = Console(highlight=False, soft_wrap=True, quiet=QUIET in os.environ)
signature: list[str] = []
"""What each line begins with."""


def be_quiet(quiet: bool) -> None:
    """Print nothing from now on (or print again); errors and the log file are not affected."""
    console.quiet = quiet
    os.environ.pop(QUIET, None)
    if quiet:
        os.environ[QUIET] = "1"


def sign(name: str) -> None:
    """Begin each line with ``name`` from now on, and show no bars: other runs write on the same screen."""
    signature[:] = [f"[dim]{escape(name)}[/]"]


def say(message: str) -> None:
    """Print one line; rich markup is allowed."""
    console.print(*signature, message)


@contextmanager
def bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of ``total`` units while the block runs; the block calls what it is given to advance.

    >>> with bar("score", total=3) as advance:
    ...     for _ in range(3):
    ...         advance(1)
    """
    columns = (
        TextColumn("  {task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    shown = console.is_terminal and not console.quiet and not signature
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task(description, total=total)
        yield lambda steps: progress.advance(task, steps)
