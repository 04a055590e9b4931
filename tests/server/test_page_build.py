"""The page of a checkout is built once where npm is there; otherwise somebody is told what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.server.page_build import ensure_page

BUILDS = """#!/bin/sh
echo "$@" >> calls
if [ "$1" = run ]; then mkdir -p ../static && echo page > ../static/index.html; fi
"""
FAILS = "#!/bin/sh\necho no such package; exit 1\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A page's source, in a checkout where nothing is built."""
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    return folder


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only npm there is: to be written."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return programs / "npm"


def put(npm: Path, script: str) -> None:
    npm.write_text(script)
    npm.chmod(0o755)


def test_it_is_built_once(source: Path, npm: Path) -> None:
    put(npm, BUILDS)
    static = source.parent / "static"
    assert [ensure_page(static, source) for _ in range(2)] == [True, True]
    assert (source / "calls").read_text().split("\n")[:-1] == ["ci --no-audit --no-fund", "run build"]


def test_what_npm_says_is_said_where_it_fails(source: Path, npm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(npm, FAILS)
    assert not ensure_page(source.parent / "static", source)
    assert "no such package" in capsys.readouterr().out


def test_without_npm_or_source_somebody_is_told_what_to_do(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(source))
    assert not ensure_page(source.parent / "static", source)
    assert "npm run build" in capsys.readouterr().out
