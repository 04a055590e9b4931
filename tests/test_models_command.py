from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner, Result
from versions import version

from alframe import progress
from alframe.cli import app
from alframe.data import Digits
from alframe.models import opened_models
from alframe.registry import MlflowRegistry
from alframe.registry.mlflow_registry import FILES, STORE
from alframe.storage import file_sha256, hold_folder, load_record
from alframe.types import CurvePoint

TINY = ["cycle.initial=20", "cycle.batch=10", "cycle.rounds=2", "training.epochs=2", "training.epoch_size=64"]
RUN = Path("run")
HAND = "--reason=complaints from the line"


def alframe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of three rounds, each promoted."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["alframe"])
        result = alframe("run", "-q", *TINY, "hydra.run.dir=run")
    assert result.exit_code == 0, said(result)
    return folder / RUN


@pytest.fixture(autouse=True)
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(trained, tmp_path / RUN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["alframe"])
    monkeypatch.setattr(progress.console, "_width", 160)  # COLUMNS is read once, when the console is made
    return tmp_path / RUN


def roles(folder: Path) -> dict[str, int]:
    with opened_models(folder) as models:
        return {role: version.round for version in models.versions() for role in version.roles}


def reasons(folder: Path) -> list[tuple[str, int, str]]:
    with opened_models(folder) as models:
        return [(entry.kind, entry.round, entry.reason) for entry in models.log.entries()]


def accuracy(folder: Path, round: int) -> float:
    point = load_record(folder / f"round-{round:03d}/evaluation.json", CurvePoint)
    return point.evaluation.metrics["accuracy"]


def test_list_says_who_is_champion(folder: Path) -> None:
    """A line for each round: its labels, its metric, the gate's answer, why it began, and what stands for it."""
    result = alframe("models", "list", RUN)
    assert result.exit_code == 0, said(result)
    lines = [line.split() for line in said(result).splitlines()]
    for round, role, labels in ((0, [], 20), (1, ["previous"], 30), (2, ["champion"], 40)):
        expected = [str(round), *role, str(labels), f"{accuracy(folder, round):.4f}", "better", "the", "run's", "plan"]
        assert any(line[: len(expected)] == expected for line in lines)


def test_show_tells_all_of_a_version(folder: Path) -> None:
    """Metrics, classes, promotions and the SHA-256 of each file; by default of the champion."""
    told = said(alframe("models", "show", RUN))
    assert "round 2 (champion)" in told
    assert "from the model of round 1; 1797 samples, 10 classes" in told
    assert "promotion of 2 after 1" in told
    assert f"{accuracy(folder, 2):.4f}" in told
    for name in ("weights.safetensors", "beginning.json", "replay.json", "evaluation.json", "decision.json"):
        assert f"{file_sha256(folder / 'round-002' / name)}  round-002/{name}" in told
    assert "gone or changed" not in told
    assert "round 0" in said(alframe("models", "show", RUN, "0")).splitlines()[0]


def test_show_names_damaged_files(folder: Path) -> None:
    (folder / "round-001/weights.safetensors").write_bytes(b"other")
    told = said(alframe("models", "show", RUN, "1"))
    assert "round-001/weights.safetensors (gone or changed)" in told
    assert told.count("gone or changed") == 1


def test_show_asks_the_registry(folder: Path) -> None:
    """Its version and its aliases there, and whether its files there are what was registered; a local one has none."""
    pytest.importorskip("mlflow")
    assert "Registry" not in said(alframe("models", "show", RUN))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["registry"] = {"_target_": "alframe.registry.MlflowRegistry", "_partial_": True, "uri": None, "name": None}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert f"Registry {RUN / STORE}: no version of round 2 is there" in said(alframe("models", "show", RUN))
    registry = MlflowRegistry(folder)
    for round in (1, 2):
        registry.register(version(folder / "made", round))
    with opened_models(folder) as models:
        registry.follow(models.log)
    told = said(alframe("models", "show", RUN))
    assert f"Registry {RUN / STORE}: version 2, champion; its files have the SHA-256 they should" in told
    assert f"Registry {RUN / STORE}: version 1, previous; its files" in said(alframe("models", "show", RUN, "1"))
    for weights in (folder / FILES).rglob("weights.safetensors"):
        weights.write_bytes(b"other")
    assert "another content (SHA-256) of weights.safetensors" in said(alframe("models", "show", RUN))


def test_compare_sets_two_versions_side_by_side(folder: Path) -> None:
    told = said(alframe("models", "compare", RUN, "0", "champion"))
    first, second = accuracy(folder, 0), accuracy(folder, 2)
    assert re.search(rf"accuracy +{first:.4f} +{second:.4f} +{re.escape(f'{second - first:+.4f}')}", told)
    assert re.search(r"labels +20 +40 +\+20", told)
    with opened_models(folder) as models:
        points = [models.version(round).point for round in (0, 2)]
    classes = [point.evaluation.by_class for point in points if point is not None]
    for label in range(10):
        one, other = (by_class[label] or 0.0 for by_class in classes)
        assert re.search(rf"\n +{label} +{one:.4f} +{other:.4f} +{re.escape(f'{other - one:+.4f}')}", told)


def test_promote_and_roll_back_by_hand(folder: Path) -> None:
    """Each is a line of the log, with its reason; the aliases follow."""
    assert roles(folder) == {"champion": 2, "previous": 1}
    result = alframe("models", "rollback", RUN, HAND)
    assert "round 1 is champion again" in said(result)
    assert roles(folder) == {"champion": 1, "previous": 0, "challenger": 2}
    assert "round 0 is champion" in said(alframe("models", "promote", RUN, "0", "--reason", "it was the best"))
    assert roles(folder) == {"champion": 0, "previous": 1, "challenger": 2}
    assert "round 2 is champion" in said(alframe("models", "promote", RUN, "challenger", "--reason", "on trial"))
    assert reasons(folder)[3:] == [
        ("rollback", 1, "complaints from the line"),
        ("promotion", 0, "it was the best"),
        ("promotion", 2, "on trial"),
    ]


def test_promoting_the_champion_adds_nothing_to_the_log(folder: Path) -> None:
    before = reasons(folder)
    assert alframe("models", "promote", RUN, "2", HAND).exit_code == 0
    assert reasons(folder) == before


def test_only_champions_can_be_rolled_back_to(folder: Path) -> None:
    assert [alframe("models", "rollback", RUN, HAND).exit_code for _ in range(3)] == [0, 0, 2]
    assert roles(folder)["champion"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("list nowhere", "nowhere is not the folder of a run"),
        ("show run 7", "has no model '7': there are 0, 1 (previous), 2 (champion)"),
        ("compare run 0 challenger", "has no model 'challenger'"),
        ("promote run 9 --reason=why", "has no model '9'"),
        ("promote run 0", "Missing option '--reason'"),
        ("promote run 0 --reason=", "say one, as --reason="),
        ("rollback run", "Missing option '--reason'"),
        ("export run --output model.bin", "a file of format onnx ends in .onnx: model.bin does not"),
        ("export run --format pickle", "'onnx', 'torchscript', 'torch_export'"),
    ],
)
def test_mistakes_get_one_message(words: str, message: str, folder: Path) -> None:
    before = reasons(folder)
    result = alframe("models", *words.split(" "))
    assert result.exit_code == 2
    assert message in " ".join(said(result).replace("│", "").split())
    assert "Traceback" not in said(result)
    assert reasons(folder) == before


def test_changed_weights_are_not_promoted(folder: Path) -> None:
    """Neither by hand nor by a rollback; the champion stands."""
    (folder / "round-001/weights.safetensors").write_bytes(b"other")
    for words in (("promote", RUN, "1"), ("rollback", RUN)):
        result = alframe("models", *words, HAND)
        assert result.exit_code == 2
        assert "is not what step train of round 1 wrote" in said(result)
    assert roles(folder)["champion"] == 2


def test_a_round_that_has_not_ended_is_not_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run killed after training and before its gate has a version without evaluation; it can be looked at."""
    monkeypatch.setattr("alframe.lesson.Lesson.evaluate", lambda _self, _round: sys.exit("killed"))
    assert alframe("cycle", RUN).exit_code == 1
    result = alframe("models", "promote", RUN, "3", HAND)
    assert result.exit_code == 2
    assert "round 3 has not ended" in said(result)
    assert "its round has not ended" in said(alframe("models", "show", RUN, "3"))
    assert "round 3 has no evaluation yet" in said(alframe("models", "compare", RUN, "0", "3"))
    assert re.search(r"3 +challenger +- +- +- +by hand", said(alframe("models", "list", RUN)))


def test_a_rollback_need_not_wait_for_a_cycle(folder: Path) -> None:
    """While a process works in the folder the champion can be changed: the round will see it when it ends."""
    with hold_folder(folder):
        assert alframe("models", "rollback", RUN, HAND).exit_code == 0
        assert alframe("models", "list", RUN).exit_code == 0
    assert roles(folder)["champion"] == 1


def test_the_next_round_begins_from_the_champion_of_the_hand(folder: Path) -> None:
    alframe("models", "rollback", RUN, HAND)
    assert alframe("cycle", "-q", RUN).exit_code == 0
    assert "from the model of round 1" in said(alframe("models", "show", RUN, "3"))
    assert roles(folder) == {"champion": 3, "previous": 1}


def held_out(told: dict[str, Any]) -> tuple[torch.Tensor, np.ndarray]:
    """The test images as the metadata of a file say that they are prepared, and their labels."""
    source, prepared = Digits(), told["preprocessing"]
    positions = np.flatnonzero(source.table.held_out)
    pixels = np.stack([source.read(int(position)) for position in positions]).transpose(0, 3, 1, 2)
    assert pixels.shape[1:] == (prepared["channels"], prepared["image_size"], prepared["image_size"])
    mean, std = (np.array(prepared[name]).reshape(1, -1, 1, 1) for name in ("mean", "std"))
    return torch.from_numpy(((pixels / 255 - mean) / std).astype(np.float32)), source.table.labels[positions]


def test_an_exported_model_does_on_the_test_set_what_was_recorded(folder: Path) -> None:
    """ONNX, TorchScript and torch.export: read with nothing of alframe, the accuracy is the journal's own."""
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    for into, path in (("onnx", "a.onnx"), ("torchscript", "a.pt"), ("torch_export", "a.pt2")):
        result = alframe("models", "export", RUN, "--format", into, "--output", path)
        assert result.exit_code == 0, said(result)
        assert f"round 2 as {into}: {path}; its outputs are within" in said(result)
    session = onnxruntime.InferenceSession("a.onnx", providers=["CPUExecutionProvider"])
    props = {prop.key: prop.value for prop in onnx.load("a.onnx").metadata_props}
    told = {key: json.loads(props[key]) for key in ("preprocessing", "classes", "round")} | {
        key: props[key] for key in ("task", "run", "weights_sha256", "alframe")
    }
    script, program = {"alframe.json": ""}, {"alframe.json": ""}
    with pytest.warns(FutureWarning):
        loaded = torch.jit.load("a.pt", _extra_files=script)  # type: ignore[no-untyped-call]
    exported = torch.export.load("a.pt2", extra_files=program).module()
    assert json.loads(script["alframe.json"]) == json.loads(program["alframe.json"]) == told
    assert told["classes"] == [str(digit) for digit in range(10)]
    assert told["weights_sha256"] == file_sha256(folder / "round-002/weights.safetensors")
    images, labels = held_out(told)
    (probs,) = session.run(["probabilities"], {"images": images.numpy()})
    for found in (probs, loaded(images).numpy(), exported(images).numpy()):
        np.testing.assert_allclose(found, probs, atol=1e-5)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        assert (found.argmax(axis=1) == labels).mean() == pytest.approx(accuracy(folder, 2))


def test_an_export_gets_a_name_of_its_own(folder: Path) -> None:
    assert alframe("models", "export", RUN, "0", "--format", "torch_export", "-q").exit_code == 0
    assert [path.name for path in (folder.parent / "exports").iterdir()] == ["run-round0.pt2"]


def test_damaged_weights_are_not_exported(folder: Path) -> None:
    (folder / "round-002/weights.safetensors").write_bytes(b"other")
    result = alframe("models", "export", RUN, "--format", "torch_export", "--output", "a.pt2")
    assert result.exit_code == 2
    assert "is not what step train of round 2 wrote" in said(result)
    assert not (folder.parent / "a.pt2").exists()


def test_help_shows_every_command() -> None:
    page = said(alframe("models", "--help"))
    for word in ("list", "show", "compare", "promote", "rollback", "export"):
        assert word in page
