from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alframe.errors import RunConflict
from alframe.storage import claim_folder

CONFIG: dict[str, Any] = {"seed": 0, "cycle": {"batch": 10, "budget": None}, "data": {"root": "photos"}}


def test_the_same_configuration_may_go_on(tmp_path: Path) -> None:
    """A folder can be claimed again, one claim after another, with the configuration that it began with."""
    for _ in range(2):
        with claim_folder(tmp_path / "run", CONFIG):
            assert (tmp_path / "run" / "config.yaml").is_file()


def test_another_configuration_is_refused_with_the_difference(tmp_path: Path) -> None:
    """The message shows each key that differs, what it was and what was asked for, and none that agrees."""
    with claim_folder(tmp_path, CONFIG):
        pass
    other = {"seed": 1, "cycle": {"batch": 10, "budget": 50, "rounds": 3}, "data": {"root": "photos"}}
    with pytest.raises(RunConflict) as refusal, claim_folder(tmp_path, other):
        pass
    message = str(refusal.value)
    for line in ("seed: 0 -> 1", "cycle.budget: None -> 50", "cycle.rounds: (not set) -> 3"):
        assert line in message
    assert "batch" not in message


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    """While a folder is claimed, a second claim is refused at once."""
    with (
        claim_folder(tmp_path, CONFIG),
        pytest.raises(RunConflict, match="another process"),
        claim_folder(tmp_path, CONFIG),
    ):
        pass
