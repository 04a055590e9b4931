"""The one form of a user's name."""

from __future__ import annotations

import unicodedata

from alframe.errors import InvalidInput

LONGEST = 64
NOBODYS = ""
"""A name that no user has."""


def normal_name(name: str) -> str:
    """The one form of a name: NFKC, case-folded, no spaces around it, so that Ann and ann are one.

    >>> normal_name("Ann ")
    'ann'

    Raises:
        InvalidInput: it is empty, longer than ``LONGEST``, or has characters that nobody sees.
    """
    normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name[: 4 * LONGEST]).casefold()).strip()
    hidden = any(unicodedata.category(letter).startswith("C") for letter in normal)
    if not 1 <= len(normal) <= LONGEST or hidden:
        raise InvalidInput(f"a name has 1 to {LONGEST} characters, all of them visible; got {name[:LONGEST]!r}")
    return normal
