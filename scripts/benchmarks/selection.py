"""Query strategies against plain references and other libraries: time, memory beside the data, the choices made.

The contests lie in contests/, one module each. Every contender runs alone in a process of its own, on the same data;
peers that are not installed are left out (scripts/setup dev bench brings them).
"""

from __future__ import annotations

import importlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from contest import OURS, Contest, Measured, measure, measure_apart

HERE = Path(__file__).parent


def contests() -> dict[str, Contest]:
    """All contests, by module and number."""
    modules = sorted(path.stem for path in (HERE / "contests").glob("[a-z]*.py"))
    loaded = [(name, importlib.import_module(f"contests.{name}")) for name in modules]
    return {f"{name}/{number}": contest for name, module in loaded for number, contest in enumerate(module.CONTESTS)}


def show(contest: Contest, results: Mapping[str, Measured | str]) -> bool:
    """Print one contest's table, and return whether its targets are met."""
    print(f"\n{contest.name}")
    print(f"  {'':<22}{'seconds':>10}{'MiB beside':>12}{'ours is':>10}  {'same picks':<12}quality")
    measured = {name: result for name, result in results.items() if isinstance(result, Measured)}
    ours = measured.get(OURS)
    for name, result in results.items():
        if isinstance(result, str):
            print(f"  {name:<22}{result}")
            continue
        ratio = f"{result.seconds / ours.seconds:.1f}x" if ours and name != OURS else ""
        same = ""
        if ours and name != OURS and contest.agree is not None:
            same = "yes" if contest.agree(ours.choice, result.choice) else "no"
        quality = "" if result.quality is None else f"{result.quality:.5g}"
        print(f"  {name:<22}{result.seconds:>10.3f}{result.mib:>12.0f}{ratio:>10}  {same:<12}{quality}")
    met = True
    for text, test in contest.targets.items():
        try:
            held = test(measured)
        except (KeyError, ValueError):  # whom the target speaks of is not here
            print(f"  target: {text}: nobody to compare with")
            continue
        met &= held
        print(f"  target: {text}: {'met' if held else 'MISSED'}")
    return met


def main(
    only: Annotated[str, typer.Option(help="Run only contests whose module or name contains this.")] = "",
    ours: Annotated[bool, typer.Option("--ours", help="Run alframe alone.")] = False,
    limit: Annotated[float, typer.Option(help="Seconds that one contender may take, set-up included.")] = 600,
    one: Annotated[tuple[str, str] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Print, contest by contest, what alframe takes, what the others take, and whether the targets are met."""
    known = contests()
    if one is not None:
        print(json.dumps(asdict(measure(known[one[0]], one[1]))))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    met = []
    for key, contest in known.items():
        if only.lower() in key.lower() or only.lower() in contest.name.lower():
            names = [OURS] if ours else list(contest.contenders)
            met.append(show(contest, {name: measure_apart(Path(__file__), key, name, limit) for name in names}))
    if not met:
        raise typer.BadParameter(f"no contest is called {only!r}; there are: {', '.join(known)}")
    raise typer.Exit(0 if all(met) else 1)


if __name__ == "__main__":
    typer.run(main)
