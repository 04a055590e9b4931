from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = {
    path.stem for path in (ROOT / "alframe").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
} - {"__init__", "__main__"}


def test_the_documentation_knows_every_room_and_no_other() -> None:
    """docs/architecture.md has a row for each module and folder of the package."""
    table = (ROOT / "docs/architecture.md").read_text()
    assert set(re.findall(r"^\| `(\w+)/?` \|", table, flags=re.MULTILINE)) == ROOMS


def test_only_the_command_line_is_left_out_of_the_hydra_contract() -> None:
    """A new room cannot escape the contract that keeps Hydra out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = next(
        contract
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Only the command line knows Hydra"
    )
    assert {name.removeprefix("alframe.") for name in contract["source_modules"]} == ROOMS - {"cli"}


def test_every_choice_of_the_readme_exists() -> None:
    """Each strategy, data source, ... that the README's tables name is a file, and each file is named."""
    readme = (ROOT / "README.md").read_text()
    for group in ("strategy", "data", "candidates", "learner/posterior"):
        sections = re.findall(rf"\| `{group}=` \|.*?\n\n", readme, flags=re.DOTALL)
        rows = [row for section in sections for row in section.splitlines()[2:] if row.startswith("|")]
        first_column = [row.split("|")[1] for row in rows]
        named = {name for cell in first_column for name in re.findall(r"`(\w+)`", cell)}
        assert named == {path.stem for path in (ROOT / "configs" / group).glob("*.yaml")}


def test_nothing_committed_names_a_package_registry() -> None:
    """The pins are versions only."""
    pins = (ROOT / "scripts/constraints.txt").read_text()
    assert "://" not in pins
    assert all(re.match(r"[\w.-]+==\S+", line) for line in pins.splitlines())
