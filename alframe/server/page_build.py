"""The page in a checkout: built by npm, once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from alframe import progress
from alframe.server.page_files import STATIC

SOURCE = Path(__file__).parent / "page"
COMMANDS = (("ci", "--no-audit", "--no-fund"), ("run", "build"))
TO_DO = (
    "the page has not been built, so that there is the API alone: install Node.js with npm, and run "
    "`npm ci && npm run build` in {source}"
)


def ensure_page(static: Path = STATIC, source: Path = SOURCE) -> bool:
    """Whether the page is there: built now where it is missing and npm is there; what happens is said.

    Args:
        static: where the built files belong.
        source: what they are built from; absent in a wheel, which has them built.
    """
    if (static / "index.html").is_file():
        return True
    npm = shutil.which("npm")
    if npm is None or not (source / "package.json").is_file():
        progress.say(TO_DO.format(source=source))
        return False
    progress.say(f"building the page in {source}, this once ...")
    for command in COMMANDS:
        done = subprocess.run(  # noqa: S603 (npm of the PATH, words of our own)
            [npm, *command], cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            progress.say(f"npm {' '.join(command)} failed:\n{done.stdout[-2_000:]}")
            progress.say(TO_DO.format(source=source))
            return False
    return True
