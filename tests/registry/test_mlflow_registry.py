from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text
from versions import version

from alframe.errors import ConfigurationError, RunConflict
from alframe.registry import MlflowRegistry, PromotionLog
from alframe.registry.mlflow_registry import FILES, STORE
from alframe.storage import file_sha256, open_database, sqlite_url

pytest.importorskip("mlflow")


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as MLflow makes it, which takes seconds."""
    folder = tmp_path_factory.mktemp("template")
    with MlflowRegistry(folder)._mlflow():
        return folder / STORE


@pytest.fixture
def folder(tmp_path: Path, template: Path) -> Path:
    return begun(tmp_path / "tiny", template)


def begun(folder: Path, template: Path) -> Path:
    folder.mkdir()
    shutil.copy(template, folder / STORE)
    return folder


def log(folder: Path, *rounds: int) -> PromotionLog:
    found = PromotionLog(open_database(sqlite_url(folder / "run.sqlite")))
    for round in rounds:
        found.promote(round, key=f"round/{round}", reason="better")
    return found


def aliases(folder: Path) -> dict[str, int]:
    """The round that each alias stands for, as others see it who know the store alone."""
    with MlflowRegistry(folder)._mlflow() as client:
        (model,) = client.search_registered_models()
        rounds = {str(v.version): int(v.tags["alframe.round"]) for v in versions(client, model)}
        return {alias: rounds[str(number)] for alias, number in model.aliases.items()}


def versions(client: Any, model: Any) -> list[Any]:
    return sorted(client.search_model_versions(f"name = '{model.name}'"), key=lambda found: int(found.version))


def test_a_version_says_where_it_comes_from(folder: Path) -> None:
    """Files, their SHA-256, tags, metrics and the configuration can be read by whoever knows the store alone."""
    assert MlflowRegistry(folder).register(version(folder, 0)) == "1"
    with MlflowRegistry(folder)._mlflow() as client:
        (model,) = client.search_registered_models()
        assert (model.name, model.tags["alframe.run"]) == ("tiny", "tiny")
        (found,) = versions(client, model)
        run = client.get_run(found.run_id)
        there = Path(client.download_artifacts(found.run_id, "model"))
    assert found.tags["cause"] == "the run's plan"
    assert found.tags["labels"] == "0"
    assert found.tags["changes"] == ""
    assert run.data.metrics["accuracy"] == 0.5
    assert run.info.status == "FINISHED"
    names = {"weights.safetensors", "decision.json", "config.yaml"}
    assert {path.name for path in there.iterdir()} == names
    assert (there / "weights.safetensors").read_bytes() == b"weights 0"
    assert yaml.safe_load((there / "config.yaml").read_text())["learner"] == {"dropout": 0.5}
    assert {name: found.tags[f"sha256.{name}"] for name in names} == {p.name: file_sha256(p) for p in there.iterdir()}


def test_it_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the first store's migrations nor anything later is told; nothing is written beside the run's folder."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    cwd = set(Path.cwd().iterdir())
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0))
    registry.follow(log(folder, 0))
    registry.verify("1")
    assert capfd.readouterr() == ("", "")
    assert set(Path.cwd().iterdir()) == cwd
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_version_is_registered_once(folder: Path) -> None:
    """Of each round one; under other content a round is refused, and says which file differs."""
    registry = MlflowRegistry(folder)
    assert [registry.register(version(folder, round)) for round in (0, 1, 0, 1)] == ["1", "2", "1", "2"]
    assert MlflowRegistry(folder).register(version(folder, 1)) == "2"
    changed = version(folder, 1)
    with pytest.raises(RunConflict, match=r"version 2 of tiny .* another content \(SHA-256\) of weights"):
        registry.register(version(folder, 1, sha256={**changed.sha256, "weights.safetensors": "0" * 64}))


CALLS = (
    *("create_registered_model", "create_experiment", "create_run", "log_metric", "log_artifacts", "set_terminated"),
    "create_model_version",
)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_call_the_next_registers_it_once(
    call: str, after: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before or after any change in the store: then one model, one run, one version, and one value of each metric."""
    from mlflow import MlflowClient

    real = getattr(MlflowClient, call)

    def fatal(*arguments: Any, **options: Any) -> Any:
        if after:
            real(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, fatal)
        with pytest.raises(Killed):
            MlflowRegistry(folder).register(version(folder, 0))
    registry = MlflowRegistry(folder)
    assert registry.register(version(folder, 0)) == "1"
    registry.verify("1")
    with registry._mlflow() as client:
        (model,) = client.search_registered_models()
        (found,) = versions(client, model)
        (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
        assert run.info.run_id == found.run_id
        assert len(client.get_metric_history(found.run_id, "accuracy")) == 1


def test_killed_while_the_store_is_made_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store is whole or absent: half of its tables would stay in the way for ever."""
    from mlflow.store.tracking import sqlalchemy_store

    def fatal(url: str, _files: str) -> None:
        Path(url.removeprefix("sqlite:///")).write_bytes(b"half")
        raise Killed

    (folder / STORE).unlink()
    monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", fatal)
    with pytest.raises(Killed):
        MlflowRegistry(folder).register(version(folder, 0))
    assert {path.name for path in folder.iterdir()} == {"round-000"}


def test_aliases_follow_the_log(folder: Path) -> None:
    """Through promotions, a refused challenger and a rollback; an alias that nobody holds is taken away."""
    registry = MlflowRegistry(folder)
    registry.follow(log(folder))
    registry.register(version(folder, 0))
    registry.follow(log(folder, 0))
    assert aliases(folder) == {"champion": 0}
    registry.register(version(folder, 1))
    registry.follow(log(folder))
    assert aliases(folder) == {"champion": 0, "challenger": 1}
    registry.register(version(folder, 2))
    registry.follow(log(folder, 2))
    assert aliases(folder) == {"champion": 2, "previous": 0}
    log(folder).roll_back(key="back", reason="worse")
    registry.follow(log(folder))
    assert aliases(folder) == {"champion": 0, "challenger": 2}
    registry.follow(log(folder))
    assert aliases(folder) == {"champion": 0, "challenger": 2}


def test_a_champion_that_was_never_registered_has_no_alias(folder: Path) -> None:
    """An alias that stayed on an older version would name a wrong champion: the log is the truth."""
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0))
    registry.follow(log(folder, 0))
    registry.follow(log(folder, 1))
    assert aliases(folder) == {"previous": 0}
    registry.register(version(folder, 1))
    registry.follow(log(folder))
    assert aliases(folder) == {"champion": 1, "previous": 0}


@pytest.mark.parametrize("tags", [{}, {"alframe.round": "first"}, {"alframe.round": "-1"}])
def test_a_version_that_somebody_else_made_is_passed_over(tags: dict[str, str], folder: Path) -> None:
    """Without the round that trained it, or with what is none: rounds are registered and followed all the same."""
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0))
    with registry._mlflow() as client:
        client.create_model_version("tiny", str(folder), tags=tags)
    assert registry.register(version(folder, 1)) == "3"
    registry.follow(log(folder, 0, 1))
    with registry._mlflow() as client:
        assert client.get_registered_model("tiny").aliases == {"champion": 3, "previous": 1}


@pytest.mark.parametrize("moment", range(4))
def test_killed_between_aliases_a_champion_stands(moment: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any number of changes the champion is the old or the new one; the next time all aliases are right."""
    from mlflow import MlflowClient

    registry = MlflowRegistry(folder)
    for round in (0, 1):
        registry.register(version(folder, round))
    registry.follow(log(folder, 0))
    assert aliases(folder) == {"champion": 0, "challenger": 1}
    changes = iter(range(9))

    def counted(real: Any) -> Any:
        def change(*arguments: Any) -> None:
            if next(changes) == moment:
                raise Killed
            real(*arguments)

        return change

    with monkeypatch.context() as patch:
        for call in ("set_registered_model_alias", "delete_registered_model_alias"):
            patch.setattr(MlflowClient, call, counted(getattr(MlflowClient, call)))
        killed = False
        try:
            registry.follow(log(folder, 1))
        except Killed:
            killed = True
    assert killed == (moment < 3)  # champion and previous are set, and challenger is deleted
    assert aliases(folder)["champion"] == (0 if moment == 0 else 1)
    registry.follow(log(folder))
    assert aliases(folder) == {"champion": 1, "previous": 0}


@pytest.mark.parametrize(
    ("run", "model"),
    [
        ("Größe/π: a'b\"c`d%", "Größe-π- a-b-c-d-"),
        ("../..", "-"),
        ("模型", "模型"),
        (" . ", "model"),
        ("x" * 300, "x" * 200),
    ],
)
def test_names_that_mlflow_refuses(run: str, model: str, folder: Path) -> None:
    """Slashes, colons, quotes and whatever else: the model has a name like it, and the run's own as a tag."""
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0, name=run))
    assert registry.register(version(folder, 0, name=run)) == "1"
    registry.follow(log(folder, 0))
    with registry._mlflow() as client:
        (found,) = client.search_registered_models()
    assert (found.name, found.tags["alframe.run"]) == (model, run)
    assert aliases(folder) == {"champion": 0}


@pytest.mark.parametrize("name", ["a b", "ä%20#1", 'what\'s "this"'])
def test_folders_of_any_name(name: str, tmp_path: Path, template: Path) -> None:
    folder = begun(tmp_path / name, template)
    registry = MlflowRegistry(folder)
    assert registry.register(version(folder, 0)) == "1"
    registry.verify("1")
    assert {path.name for path in folder.iterdir()} >= {STORE, FILES}
    assert len(list((folder / FILES).rglob("weights.safetensors"))) == 1


def test_a_model_may_have_a_name_of_its_own(folder: Path) -> None:
    registry = MlflowRegistry(folder, name="defects")
    registry.register(version(folder, 0))
    with registry._mlflow() as client:
        assert [found.name for found in client.search_registered_models()] == ["defects"]


def test_another_run_does_not_take_over_a_model(folder: Path, tmp_path: Path) -> None:
    """Two runs of one name in one store would move each other's aliases: the second is told to choose a name."""
    MlflowRegistry(folder).register(version(folder, 0))
    other = tmp_path / "elsewhere/tiny"
    other.mkdir(parents=True)
    shutil.copy(folder / STORE, other / STORE)
    with pytest.raises(
        ConfigurationError, match=r"has a model 'tiny' already, of another run: choose .*registry\.name"
    ):
        MlflowRegistry(other).register(version(other, 0))
    assert MlflowRegistry(other, name="tiny-2").register(version(other, 0)) == "1"


def test_a_tampered_file_is_found(folder: Path) -> None:
    """Changed, missing or added: verify names it."""
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0))
    registry.verify("1")
    (weights,) = (folder / FILES).rglob("weights.safetensors")
    weights.write_bytes(b"weights 9")
    with pytest.raises(RunConflict, match=r"another content \(SHA-256\) of weights\.safetensors"):
        registry.verify("1")
    weights.write_bytes(b"weights 0")
    (weights.parent / "extra.pkl").touch()
    with pytest.raises(RunConflict, match=r"of extra\.pkl"):
        registry.verify("1")
    shutil.rmtree(weights.parent)
    with pytest.raises(RunConflict):
        registry.verify("1")
    with pytest.raises(RunConflict, match="MLflow"):
        registry.verify("7")


def test_the_files_are_the_run_s_own_and_not_links(folder: Path) -> None:
    """What is registered stays when the run's folder changes."""
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0))
    (folder / "round-000/weights.safetensors").write_bytes(b"other")
    registry.verify("1")
    assert not any(path.is_symlink() for path in (folder / FILES).rglob("*"))


def test_a_moved_folder_goes_on(folder: Path, tmp_path: Path) -> None:
    """New versions are kept in the folder as it is named now, and nothing is written where it was."""
    MlflowRegistry(folder).register(version(folder, 0))
    moved = folder.rename(tmp_path / "moved")
    registry, same = MlflowRegistry(moved), {"name": "tiny", "config": version(folder, 0).config}
    shutil.rmtree(folder)
    assert registry.register(version(moved, 0, **same)) == "1"
    assert registry.register(version(moved, 1, **same)) == "2"
    registry.verify("2")
    registry.follow(log(moved, 0, 1))
    assert aliases(moved) == {"champion": 1, "previous": 0}
    assert not folder.exists()


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1:9", "no MLflow server answers at registry.uri=http://127.0.0.1:9"),
        ("mlruns", "no address of a server"),
        ("sqlite:///team.sqlite", "no address of a server"),
        ("http://me:secret@127.0.0.1:9", "MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_servers_that_cannot_be(uri: str, message: str, nowhere: Path) -> None:
    """Refused when the registry is made, and so before a round is trained for it."""
    with pytest.raises(ConfigurationError, match=message) as refusal:
        MlflowRegistry(nowhere, uri=uri)
    assert "secret" not in str(refusal.value)


def test_without_mlflow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.registry.mlflow_registry.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'alframe\[registry\]'"):
        MlflowRegistry(tmp_path)


def test_the_store_is_plain_sqlite(folder: Path) -> None:
    """An outside reader finds the alias in the table where MLflow keeps it."""
    registry = MlflowRegistry(folder)
    registry.register(version(folder, 0))
    registry.follow(log(folder, 0))
    with create_engine(sqlite_url(folder / STORE)).connect() as connection:
        rows = connection.execute(text("SELECT alias, version FROM registered_model_aliases")).all()
    assert [tuple(row) for row in rows] == [("champion", 1)]
