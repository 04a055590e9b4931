"""How a command that cannot be run ends: in one message that says what to do."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from alframe import progress
from alframe.cli.configs_folder import CONFIGS
from alframe.configuration import flatten, unknown
from alframe.errors import AlframeError, LabelsPending

INTERRUPTED = 130
CONFIGURATION_ERRORS = (HydraException, OmegaConfBaseException)


@contextmanager
def explained(overrides: Sequence[str] = (), root: str = "config") -> Iterator[None]:
    """End a user's mistake, or Ctrl-C, in one message instead of a traceback.

    Args:
        overrides: the words that were Hydra's.
        root: the configuration that they change.
    """
    again = shlex.join(["alframe", *sys.argv[1:]])
    try:
        yield
    except LabelsPending as pending:
        progress.say(str(pending))
    except KeyboardInterrupt:
        _fail(f"Stopped. What was finished is kept; go on with the same command:\n  {again}", INTERRUPTED)
    except (AlframeError, *CONFIGURATION_ERRORS) as error:
        _fail(explanation(error, overrides, root), 2)


def _fail(message: str, code: int) -> NoReturn:
    typer.secho(message, err=True, fg=typer.colors.RED if code != INTERRUPTED else None)
    raise typer.Exit(code)


def explanation(error: BaseException, overrides: Sequence[str], root: str) -> str:
    """What to tell the user: the innermost of alframe's own errors, or Hydra's with the nearest right name."""
    chain = list(_causes(error))
    own = [str(cause) for cause in chain if isinstance(cause, AlframeError)]
    if own:
        return own[-1]
    text = "\n".join(dict.fromkeys(str(cause).strip() for cause in chain if isinstance(cause, CONFIGURATION_ERRORS)))
    no_plugin = re.search(r"In 'hydra/launcher/(?P<ours>\w+)': Could not load '(?P<theirs>\S+)'", text)
    if no_plugin:
        return "hydra/launcher={ours} builds on {theirs}: pip install 'alframe[{ours}]'".format(**no_plugin.groupdict())
    no_choice = re.search(r"Could not find '(?P<choice>\S+)'", text)
    if no_choice:
        choices = [str(path.relative_to(CONFIGS).with_suffix("")) for path in CONFIGS.rglob("*.yaml")]
        return unknown(no_choice["choice"], choices)
    missing = [cause.full_key for cause in chain if isinstance(cause, MissingMandatoryValue) and cause.full_key]
    if missing:
        return f"{missing[0]} has no value, and only you know it: add {missing[0]}=..."
    no_key = re.search(r"Could not override '(?P<key>[\w./@-]+)'", text)
    return _unknown_key(no_key["key"], overrides, root) if no_key else text


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unknown_key(key: str, overrides: Sequence[str], root: str) -> str:
    """What to say of a key that is nowhere, and of a group that only another choice has as a part."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        groups = set(compose(root, return_hydra_config=True).hydra.runtime.choices)
        chosen = [word for word in overrides if word.split("=")[0] in groups and _config_file(word).is_file()]
        groups |= set(compose(root, overrides=chosen, return_hydra_config=True).hydra.runtime.choices)
        config = compose(root, overrides=chosen)
    namesakes = [group for group in groups if group != key and group.split("/")[-1] == key.split("/")[-1]]
    if namesakes:
        return unknown(key, namesakes)
    for word in overrides:
        if word.startswith(f"{key}=") and (found := _whole_of(key, groups)):
            whole, place = found
            return f"{key!r} is a part of {whole}; choose it with {whole} {key}@{place}{word.removeprefix(key)}"
    return unknown(key, _keys(config))


def _config_file(choice: str) -> Path:
    return CONFIGS / f"{choice.replace('=', '/', 1)}.yaml"


def _whole_of(part: str, groups: set[str]) -> tuple[str, str] | None:
    """The choice in one of ``groups`` whose file names the group ``part`` in its defaults, and where it puts it."""
    for file in sorted(CONFIGS.rglob("*.yaml")):
        group = file.parent.relative_to(CONFIGS).as_posix()
        named = re.search(rf"^  - /{re.escape(part)}@([\w.]+):", file.read_text(), re.MULTILINE)
        if named and group in groups:
            return f"{group}={file.stem}", f"{group.replace('/', '.')}.{named[1]}"
    return None


def _keys(config: DictConfig) -> list[str]:
    """Every key and group, with dots."""
    flat = flatten(OmegaConf.to_container(config, resolve=False))  # type: ignore[arg-type]  # a mapping, at the root
    paths = [[part for part in key.split(".") if not part.startswith("_")] for key in flat]
    return sorted({".".join(path[:end]) for path in paths for end in range(1, len(path) + 1)})
