from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from alframe.access.secret import VARIABLE, service_secret
from alframe.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_service_has_one_secret_that_only_its_owner_reads(tmp_path: Path) -> None:
    """However many servers start at once; and nothing else is left in the folder."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(service_secret, [tmp_path / "service"] * 16))
    assert len(made) == 1
    assert len(made.pop()) == 32
    assert [path.name for path in (tmp_path / "service").iterdir()] == ["secret"]
    assert stat.S_IMODE((tmp_path / "service" / "secret").stat().st_mode) == 0o600


def test_two_services_have_different_secrets(tmp_path: Path) -> None:
    assert service_secret(tmp_path / "one") != service_secret(tmp_path / "two")


def test_servers_may_share_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "s" * 32)
    assert service_secret(tmp_path) == b"s" * 32
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_others_may_know_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service_secret(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read"):
        service_secret(tmp_path)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="5 bytes"):
        service_secret(tmp_path)
    monkeypatch.setenv(VARIABLE, "")
    with pytest.raises(ConfigurationError, match="0 bytes"):
        service_secret(tmp_path)
