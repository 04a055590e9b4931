"""Which addresses the service may call of its own accord: nobody makes it talk to what only it can reach."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from alframe.errors import InvalidInput

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses whose last four bytes are the IPv4 address that is reached (RFC 6052)."""


def check_url(url: str) -> None:
    """Whether something can be posted to the address, as far as its text tells.

    Raises:
        InvalidInput: another scheme than http and https, no host, a name and a password in it.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise InvalidInput(f"{url!r} is no URL: {error}") from error
    if not fits or "@" in parts.netloc or any(ord(letter) <= 32 for letter in url):
        raise InvalidInput(f"the URL must be http(s)://HOST/PATH without a name and password, got {url!r}")


def address_outside(host: str, *, allow_private: bool = False) -> str:
    """The address that a host's name stands for now.

    Args:
        host: a name or an address.
        allow_private: whether it may be any; otherwise only one of the public Internet.

    Raises:
        InvalidInput: the name stands for nothing, or for an address (of several) that is not public: this machine,
            its network, or the cloud's service of credentials on a link-local one.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"the host {host!r} cannot be found: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private and (inside := [each for each in addresses if not _is_public(each)]):
        raise InvalidInput(f"the host {host!r} is {inside[0]}, which is not of the public Internet")
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return _is_public(str(ipaddress.IPv4Address(address.packed[-4:])))
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return _is_public(str(inner))
    return address.is_global and not address.is_multicast
