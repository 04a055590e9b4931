"""The command that goes on with a run, and what others need who open one again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from alframe import progress
from alframe.cli.configs_folder import CONFIGS
from alframe.cli.mistakes import explained
from alframe.cli.options import Quiet
from alframe.configuration import check
from alframe.errors import ConfigurationError

if TYPE_CHECKING:
    from alframe.cycle import Cycle
    from alframe.run import Parts

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
    later: Annotated[bool, typer.Option("--later", help="Leave it to whoever watches the run.")] = False,
    quiet: Quiet = False,
) -> None:
    """Do one cycle more in a run: [dim]alframe cycle runs/NAME[/]. The same command ends one that was stopped.

    It queries through the champion, asks for labels, trains, and lets the gate decide who is champion then.
    """
    from alframe.continuation import advance
    from alframe.watch import request

    progress.be_quiet(quiet)
    with explained(changes or ()):
        if later:
            request(run, reason)
            progress.say(f"asked for; `alframe watch {run}` begins it, where its trigger heeds requests")
            return
        with opened_again(run, changes or ()) as again:
            advance(again, reason, key, changes or ())


@contextmanager
def opened_again(run: Path, changes: Sequence[str]) -> Iterator[Cycle]:
    """Hold a run's folder, and give its cycle as it is now.

    Args:
        run: the folder.
        changes: what is chosen anew, as words of ``alframe run``; see ``alframe.continuation.changes_of``.

    Raises:
        ConfigurationError: what is chosen does not fit the run, or what has begun.
        AlframeError: see ``alframe.run.opened``.
    """
    from alframe.continuation import changes_of
    from alframe.report.run_folder import read_config
    from alframe.run import opened

    effective, config = changes_of(run, changes), read_config(run)
    with opened(parts_of(config, effective), run, stored(config)) as cycle:
        yield cycle


def parts_of(config: Mapping[str, Any], changes: Sequence[str]) -> Parts:
    """The parts of a run, of which ``changes`` are chosen anew.

    Args:
        config: the run's, as it was recorded.
        changes: words as those of ``alframe run``.

    Raises:
        ConfigurationError: the run rests on what is changed, or a value is wrong.
    """
    from alframe.run import Parts
    from alframe.scoring import grown_for

    plain = changed(config, changes)
    check(plain, Parts)
    parts: Parts = instantiate(DictConfig(plain), _convert_="all")
    # Every round has a learner of the same layers, whatever its strategy reads.
    grown = grown_for(instantiate(DictConfig(config["strategy"]), _convert_="all").needs)
    if not grown_for(parts.strategy.needs).keys() <= grown.keys():
        raise ConfigurationError(
            f"{type(parts.strategy).__name__} needs a learner that predicts its own loss, and this run's do not: "
            "only a run that begins with such a strategy has them"
        )
    return replace(parts, learner=partial(parts.learner, **grown))


def stored(config: Mapping[str, Any]) -> dict[str, Any]:
    """What ``alframe run`` would say of the run: without what it adds itself."""
    return {key: value for key, value in config.items() if key not in ("classes", "data_sha256")}


def changed(config: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The arguments of a run's parts, as recorded, with these changes."""
    from alframe.continuation import check_change

    plain = OmegaConf.create({key: value for key, value in config.items() if key not in RECORDED})
    if changes:
        choices = [f"{group}={choice}" for group, choice in config["choices"].items() if choice is not None]
        within = GlobalHydra.instance().is_initialized()  # as in a command whose words are Hydra's
        with nullcontext() if within else initialize_config_dir(str(CONFIGS), version_base="1.3"):
            anew = compose("config", overrides=[*choices, f"name='{config['name']}'", *changes])
        for change in changes:
            place = change.lstrip("+~").split("=")[0].split("@")[-1].replace("/", ".")
            check_change(place)
            OmegaConf.update(plain, place, OmegaConf.select(anew, place), merge=False, force_add=True)
    resolved: dict[str, Any] = OmegaConf.to_container(plain, resolve=True)  # type: ignore[assignment]
    return resolved
