"""How a receiver knows that a body is from the service: an HMAC over when it was sent, and what it says."""

from __future__ import annotations

import hashlib
import hmac

SIGNATURE = "X-Alframe-Signature"
"""The header that says when a body was sent, and proves who sent it."""


def signature(secret: str, body: bytes, at: int) -> str:
    """The signature of a body that is sent ``at`` seconds since 1970: ``t=SECONDS,v1=HEX``.

    >>> signature("secret", b"{}", 1)
    't=1,v1=1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908'
    """
    return f"t={at},v1={hmac.new(secret.encode(), b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def verify_signature(secret: str, header: str, body: bytes, *, at: float, tolerance: float = 300.0) -> bool:
    """Whether a body is from the service and was sent within ``tolerance`` seconds of now: for receivers.

    Args:
        secret: the webhook's.
        header: ``X-Alframe-Signature``.
        body: as it came, byte for byte.
        at: now, in seconds since 1970.
        tolerance: older ones may be somebody's recording.

    Examples:
        >>> verify_signature("secret", signature("secret", b"{}", 1000), b"{}", at=1010.0)
        True
    """
    stamp = header.removeprefix("t=").partition(",")[0]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16) or abs(at - int(stamp)) > tolerance:
        return False
    return hmac.compare_digest(header.encode(), signature(secret, body, int(stamp)).encode())
