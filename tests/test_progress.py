from __future__ import annotations

import os
import subprocess
import sys

import pytest

from alframe import progress


def test_signed_lines_say_whose_they_are(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several runs write on one screen, each line begins with the run's name, whatever signs that has."""
    monkeypatch.setattr(progress, "signature", [])
    progress.say("one")
    progress.sign("seed=0,[bold]")
    progress.say("two")
    assert capsys.readouterr().out == "one\nseed=0,[bold] two\n"


def test_quiet_holds_for_processes_that_start_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read the environment, because they import what is loud."""
    monkeypatch.delenv(progress.QUIET, raising=False)
    progress.be_quiet(True)
    progress.say("nothing")
    assert os.environ[progress.QUIET]
    progress.be_quiet(False)
    assert progress.QUIET not in os.environ
    assert capsys.readouterr().out == ""


def test_a_line_reaches_a_pipe_while_the_command_goes_on() -> None:
    """Who starts a server with its output in a file reads its first password there, and not when it ends."""
    program = "from alframe.progress import say; say('a password'); input()"
    talking = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert talking.stdout is not None
    assert talking.stdout.readline() == "a password\n"
    talking.communicate("\n")
    assert talking.returncode == 0
