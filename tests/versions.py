"""Versions made of nothing, for tests of registries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alframe.registry import ModelVersion
from alframe.storage import file_sha256


def version(folder: Path, round: int, **changes: Any) -> ModelVersion:
    """The version of a round that trained ``weights <round>``."""
    rounds = folder / f"round-{round:03d}"
    rounds.mkdir(parents=True, exist_ok=True)
    (rounds / "weights.safetensors").write_bytes(f"weights {round}".encode())
    (rounds / "decision.json").write_text('{"verdict": "better"}')
    files = {path.name: path for path in sorted(rounds.iterdir())}
    options: dict[str, Any] = {
        "name": folder.name,
        "round": round,
        "files": files,
        "sha256": {name: file_sha256(path) for name, path in files.items()},
        "tags": {"labels": str(10 * round), "cause": "the run's plan", "changes": ""},
        "metrics": {"accuracy": 0.5 + round / 10, "nll": float("nan")},
        "config": {"seed": 0, "name": folder.name, "learner": {"dropout": 0.5}},
    }
    return ModelVersion(**(options | changes))
