"""Which samples a source has, as one number."""

from __future__ import annotations

from hashlib import sha256

from alframe.types import SampleTable


def fingerprint(table: SampleTable) -> str:
    """SHA-256 over which samples there are, their labels and the held-out part: a run must not change its test set."""
    digest = sha256("\n".join(table.ids.tolist()).encode())
    labels = repr(table.labels.tolist()).encode() if table.has_objects else table.labels.tobytes()
    digest.update(labels + table.held_out.tobytes())
    return digest.hexdigest()
