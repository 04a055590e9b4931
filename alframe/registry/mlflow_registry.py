"""Versions in MLflow, in a SQLite store of the run's own or on a team's server; the only module that knows MLflow."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import yaml

from alframe.errors import ConfigurationError, RunConflict
from alframe.registry.aliases import holders
from alframe.registry.base import ModelVersion, Registered, Registry
from alframe.registry.promotions import PromotionLog
from alframe.registry.server import check_server
from alframe.storage import file_sha256, sqlite_url, whole_file

STORE, FILES, IDENTITY = "mlflow.sqlite", "mlflow-artifacts", "mlflow-project.txt"
"""In the run's folder: the database, the files of its versions, and what tells this run from others on a server."""

PROJECT, RUN, ROUND, DIGEST = "alframe.project", "alframe.run", "alframe.round", "sha256."
"""Tags: whose model it is, by identity and by name; the round of a version; and, before a file's name, its SHA-256."""

MODEL = "model"
"""Where the files of a version lie among those of its MLflow run."""


class MlflowRegistry(Registry):
    """Every version of a run as a version of one registered model, with aliases champion, challenger and previous.

    A version has the run's own files, safetensors, JSON and YAML, and the SHA-256 of each as a tag: nothing is pickled,
    and nothing is in a format of MLflow's. However often a run is killed, it is registered once.

    Args:
        folder: of the run.
        uri: of an MLflow server; ``None`` for a SQLite store in the folder.
        name: of the registered model; ``None`` for the run's. What MLflow or its searches refuse becomes a hyphen.

    Raises:
        ConfigurationError: MLflow is not installed, or no server answers at ``uri``.
    """

    def __init__(self, folder: Path, *, uri: str | None = None, name: str | None = None) -> None:
        super().__init__(folder)
        if find_spec("mlflow") is None:
            raise ConfigurationError("registry=mlflow builds on MLflow: pip install 'alframe[registry]'")
        if uri is not None:
            check_server(uri)
        self._uri = uri
        self._name = name

    def register(self, version: ModelVersion) -> str:
        """Keep a version and return its number; one that is there already is not kept twice.

        Raises:
            RunConflict: it is there with other files, or MLflow refuses it.
            ConfigurationError: the registered model of this name belongs to another run.
        """
        with self._mlflow() as client, TemporaryDirectory() as temporary:
            digests = _gather(version, Path(temporary))
            name = self._model(client) or self._new_model(client, version.name)
            found = self._versions(client, name).get(version.round)
            if found is not None:
                _agree(digests, _digests(found.tags), f"version {found.version} of {name} ({self._where})")
                return str(found.version)
            run = self._run(client, name, version.round)
            for metric, value in version.metrics.items():
                # The same moment each time: a value that is logged again is no second one.
                client.log_metric(run.info.run_id, metric, value, timestamp=run.info.start_time, step=version.round)
            client.log_artifacts(run.info.run_id, temporary, MODEL)
            client.set_terminated(run.info.run_id)
            tags = {**version.tags, **_code(), **{f"{DIGEST}{file}": digest for file, digest in digests.items()}}
            source = f"{run.info.artifact_uri}/{MODEL}"
            made = client.create_model_version(name, source, run.info.run_id, {**tags, ROUND: str(version.round)})
            return str(made.version)

    def follow(self, log: PromotionLog) -> None:
        """Set the aliases to what the log says, the champion's first; one whose round has no version is taken away."""
        with self._mlflow() as client:
            name = self._model(client)
            if name is None:
                return
            versions, aliases = self._versions(client, name), client.get_registered_model(name).aliases
            for alias, round in holders(log, versions).items():
                version = None if round is None else versions.get(round)
                if version is not None:
                    if str(aliases.get(alias)) != str(version.version):
                        client.set_registered_model_alias(name, alias, str(version.version))
                elif alias in aliases:
                    client.delete_registered_model_alias(name, alias)

    def find(self, round: int) -> Registered:
        """The version of a round; its files are downloaded, and compared with what was registered.

        Raises:
            RunConflict: MLflow refuses.
        """
        with self._mlflow() as client:
            name = self._model(client)
            found = None if name is None else self._versions(client, name).get(round)
            if found is None:
                return Registered(self._where, "", (), f"no version of round {round} is there")
            held = client.get_registered_model(name).aliases
        aliases = tuple(sorted(alias for alias, number in held.items() if str(number) == str(found.version)))
        damage = ""
        try:
            self.verify(str(found.version))
        except RunConflict as error:
            damage = str(error)
        return Registered(self._where, str(found.version), aliases, damage)

    def verify(self, version: str) -> None:
        """Download the files of the version of this number, and compare them with what was registered.

        Raises:
            RunConflict: there is no such version, a file is missing, or one is not what was registered.
        """
        with self._mlflow() as client, TemporaryDirectory() as temporary:
            name = self._model(client)
            if name is None:
                raise RunConflict(f"{self._where} has no model of the run in {self.folder}")
            found = client.get_model_version(name, version)
            try:
                client.download_artifacts(found.run_id, MODEL, temporary)
            except OSError as error:
                raise RunConflict(f"the files of version {version} of {name} are gone: {error}") from error
            there = {path.name: file_sha256(path) for path in (Path(temporary) / MODEL).iterdir()}
            _agree(there, _digests(found.tags), f"version {version} of {name} ({self._where})")

    @property
    def _where(self) -> str:
        return self._uri or str(self.folder / STORE)

    @cached_property
    def _identity(self) -> str:
        path = self.folder / IDENTITY
        if not path.exists():
            with whole_file(path) as unfinished:
                unfinished.write_text(uuid4().hex)
        return path.read_text()

    @contextmanager
    def _mlflow(self) -> Iterator[Any]:
        """MLflow's client, which takes seconds to import, and says nothing here to the screen or to its makers."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The ``noload`` loader strategy is deprecated")  # under SQLAlchemy 2.1
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException

            logging.getLogger("mlflow").setLevel(logging.ERROR)
            try:
                uri = self._uri or self._store()
                yield MlflowClient(tracking_uri=uri, registry_uri=uri)
            except MlflowException as error:
                raise RunConflict(f"MLflow ({self._where}) refuses: {error}") from error

    def _store(self) -> str:
        path = self.folder.resolve() / STORE
        url = sqlite_url(path).render_as_string()
        if not path.exists():
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            # Its tables take seconds: killed in between, nothing half made is left here.
            with TemporaryDirectory() as temporary, whole_file(path) as unfinished:
                made = Path(temporary) / STORE
                SqlAlchemyStore(sqlite_url(made).render_as_string(), self._files).engine.dispose()
                copyfile(made, unfinished)
        return url

    @property
    def _files(self) -> str:
        return (self.folder.resolve() / FILES).as_uri()

    def _model(self, client: Any) -> str | None:
        """The name of the model that this run has registered; ``None`` as long as there is none."""
        found = client.search_registered_models(f"tags.`{PROJECT}` = '{self._identity}'")
        return str(found[0].name) if found else None

    def _new_model(self, client: Any, run: str) -> str:
        from mlflow.exceptions import MlflowException

        name = re.sub(r"[^\w ,.=+-]+", "-", self._name or run).strip(" .")[:200] or MODEL
        try:
            client.create_registered_model(name, tags={PROJECT: self._identity, RUN: run})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            raise ConfigurationError(
                f"{self._where} has a model {name!r} already, of another run: choose another registry.name=..."
            ) from error
        return name

    def _versions(self, client: Any, name: str) -> dict[int, Any]:
        """The versions of a model, by round; what others have put there, which names none, is passed over."""
        found = client.search_model_versions(f"name = '{name}'")
        return {int(each.tags[ROUND]): each for each in found if each.tags.get(ROUND, "").isdecimal()}

    def _run(self, client: Any, name: str, round: int) -> Any:
        """The MLflow run that holds the files of a round, made where it is missing."""
        tags = {PROJECT: self._identity, ROUND: str(round)}
        experiment = self._experiment(client, name)
        wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = client.search_runs([experiment], wanted)
        return found[0] if found else client.create_run(experiment, tags=tags, run_name=f"{name} round {round}")

    def _experiment(self, client: Any, name: str) -> str:
        where = None if self._uri else self._files
        found = client.get_experiment_by_name(name)
        if found is not None and where not in (None, found.artifact_location):  # the folder was moved since
            name = f"{name} in {self.folder.resolve()}"
            found = client.get_experiment_by_name(name)
        return str(client.create_experiment(name, where) if found is None else found.experiment_id)


def _gather(version: ModelVersion, folder: Path) -> dict[str, str]:
    """Lay out the files of a version in ``folder``, and give the SHA-256 of each by its name."""
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(dict(version.config), sort_keys=False, allow_unicode=True), encoding="utf-8")
    for name, path in version.files.items():
        (folder / name).symlink_to(path.resolve())
    return {**version.sha256, config.name: file_sha256(config)}


def _digests(tags: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(DIGEST): value for name, value in tags.items() if name.startswith(DIGEST)}


def _agree(there: Mapping[str, str], registered: Mapping[str, str], what: str) -> None:
    if there != registered:
        names = sorted(name for name in {*there, *registered} if there.get(name) != registered.get(name))
        raise RunConflict(f"{what} was registered with another content (SHA-256) of {', '.join(names)}")


def _code() -> dict[str, str]:
    """The commit of the project that the command was given in, if it is one; ``-dirty`` where files were changed."""
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(describe, capture_output=True, text=True, check=False)  # noqa: S603 (no user's words)
    except OSError:  # no git
        return {}
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}
