"""The commands that go on with a run: ``alframe cycle``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from alframe import progress
from alframe.cli.configs_folder import CONFIGS
from alframe.cli.mistakes import explained
from alframe.cli.options import Quiet
from alframe.configuration import check
from alframe.errors import ConfigurationError

RECORDED = ("choices", "classes", "data_sha256")
"""What a run's configuration says beside the arguments of its parts."""


def cycle(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(help="What this cycle does otherwise than the run: strategy=drifted cycle.batch=50 ..."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "by hand",
    key: Annotated[str, typer.Option(help="Names the request: given again, it begins no second cycle.")] = "",
    quiet: Quiet = False,
) -> None:
    """Do one cycle more in a run: [dim]alframe cycle runs/NAME[/]. The same command ends one that was stopped.

    It queries through the champion, asks for labels, trains, and lets the gate decide who is champion then.
    """
    from alframe.continuation import configuration_of, go_on, unfinished

    progress.be_quiet(quiet)
    with explained(changes or ()):
        begun = unfinished(run)
        wanted = tuple(changes or ())
        if begun is not None and wanted and wanted != begun.changes:
            was = " ".join(begun.changes) or "none"
            raise ConfigurationError(
                f"round {begun.round} has begun with other changes ({was}): let `alframe cycle {run}` end it first"
            )
        config = configuration_of(run)
        effective = wanted if begun is None else begun.changes
        go_on(parts_of(config, effective), run, stored(config), cause=reason, key=key, changes=effective)


def parts_of(config: Mapping[str, Any], changes: Sequence[str]) -> Any:
    """The parts of a run, of which ``changes`` are chosen anew.

    Args:
        config: the run's, as it was recorded.
        changes: words as those of ``alframe run``.

    Raises:
        ConfigurationError: the run rests on what is changed, or a value is wrong.
    """
    from alframe.run import Parts

    plain = changed(config, changes)
    check(plain, Parts)
    return instantiate(DictConfig(plain), _convert_="all")


def stored(config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``alframe run`` would say of the run: without what it adds itself."""
    return {key: value for key, value in config.items() if key not in ("classes", "data_sha256")}


def changed(config: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The arguments of a run's parts, as recorded, with these changes."""
    from alframe.continuation import check_change

    plain = OmegaConf.create({key: value for key, value in config.items() if key not in RECORDED})
    if changes:
        choices = [f"{group}={choice}" for group, choice in config["choices"].items() if choice is not None]
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            anew = compose("config", overrides=[*choices, f"name='{config['name']}'", *changes])
        for change in changes:
            place = change.lstrip("+~").split("=")[0].split("@")[-1].replace("/", ".")
            check_change(place)
            OmegaConf.update(plain, place, OmegaConf.select(anew, place), merge=False, force_add=True)
    resolved: dict[str, Any] = OmegaConf.to_container(plain, resolve=True)  # type: ignore[assignment]
    return resolved
