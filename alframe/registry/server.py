"""Whether a server of MLflow's can be reached."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from alframe.errors import ConfigurationError

PATIENCE = 10.0
"""Seconds in which a server has to answer before a run begins."""


def check_server(uri: str) -> None:
    """Find out before the first round, and not after its training, that nobody is there.

    Raises:
        ConfigurationError: the address is none, has a password in it, or nobody answers there.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"registry.uri={uri} is no address of a server, as http://mlflow.example.org:5000")
    if parts.username or parts.password:
        raise ConfigurationError(
            "registry.uri is kept with the run for all to read: take the password out of it, and set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment"
        )
    try:
        urlopen(f"{uri.rstrip('/')}/health", timeout=PATIENCE).close()  # noqa: S310 (the scheme was checked)
    except HTTPError as answer:  # somebody is there, whatever they say
        answer.close()
    except OSError as error:
        raise ConfigurationError(f"no MLflow server answers at registry.uri={uri}: {error}") from error
