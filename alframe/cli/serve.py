"""The command ``alframe serve``: the labelling service, for people and programs."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from alframe import progress
from alframe.cli.mistakes import explained
from alframe.errors import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from alframe.server import Service

PATIENCE = 10
"""Seconds that requests get to end when the service is stopped."""


def serve(
    service: Annotated[Path, typer.Option(help="The service's folder; made where it is missing.")] = Path("service"),
    database: Annotated[
        str | None,
        typer.Option(
            help="postgresql://... for teams; ALFRAME_DATABASE says it too. By default SQLite in the folder.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for everybody who can reach it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes any that is free.")] = 8000,
    demo: Annotated[
        bool, typer.Option("--demo", help="Make two projects on the embedded data, and an account to label them with.")
    ] = False,
    trusted_proxy: Annotated[
        str | None,
        typer.Option(
            help="Addresses of proxies, with commas, that may say where a request came from and whether by HTTPS.",
            show_default=False,
        ),
    ] = None,
    oidc_issuer: Annotated[
        str | None,
        typer.Option(
            envvar="ALFRAME_OIDC_ISSUER",
            help="Let people sign in with the accounts of this OpenID provider, too.",
            show_default=False,
        ),
    ] = None,
    oidc_client: Annotated[
        str, typer.Option(envvar="ALFRAME_OIDC_CLIENT", help="Our name at the provider.")
    ] = "alframe",
    oidc_secret: Annotated[
        str, typer.Option(envvar="ALFRAME_OIDC_SECRET", help="Our password there.", show_default=False)
    ] = "",
    oidc_create: Annotated[
        bool, typer.Option("--oidc-create", help="Whoever has a verified e-mail there becomes a user here.")
    ] = False,
    public_url: Annotated[
        str | None,
        typer.Option(envvar="ALFRAME_URL", help="The address that browsers reach the service at.", show_default=False),
    ] = None,
    private_webhooks: Annotated[
        bool, typer.Option("--private-webhooks", help="Webhooks may lead into private networks.")
    ] = False,
) -> None:
    """Serve labelling projects in the browser: [dim]alframe serve --demo[/].

    The first start makes the user [bold]admin[/] and prints a password that is good for once. Ctrl-C ends it; what was
    acknowledged is kept.
    """
    with explained():
        # The signal is raised again once requests have ended.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        listening = _listen(host, port)
        try:
            from alframe.access.oidc import Provider
            from alframe.labelling.folder import open_to_others
            from alframe.logfile import log_to
            from alframe.server import Settings, create_app, open_folder
            from alframe.server.page_build import ensure_page
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("alframe"):
                raise
            raise ConfigurationError(f"alframe serve needs {error.name}: pip install 'alframe[server]'") from error
        there = (oidc_client, oidc_secret, f"{public_url or f'http://{host}:{port}'}/api/session/elsewhere/back")
        provider = Provider(oidc_issuer, *there, create=oidc_create) if oidc_issuer else None
        opened = open_folder(service, database, Settings(provider=provider, private_webhooks=private_webhooks))
        try:
            if open_to_others(service):
                progress.say(f"other accounts of this machine can read {escape(str(service))}: chmod 700 ends that")
            _greet(opened, demo)
            ensure_page()
            with log_to(service / "alframe.log"):
                _run(create_app(opened), listening, trusted_proxy)
        finally:
            opened.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = f"cannot listen on {host} port {port}: {error.strerror}; choose another --port"
        raise ConfigurationError(why) from error
    # Connections inherit it; asyncio sets it on sockets of its own only, and each answer would wait 40 ms for an ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _greet(service: Service, demo: bool) -> None:
    from alframe.access.users import FIRST, first_admin

    if password := first_admin(service.database):
        progress.say(f"first start: sign in as [bold]{FIRST}[/] with [bold]{password}[/], and choose a password then")
    if demo:
        from alframe.server.demonstration import demonstrate

        if made := demonstrate(service):
            progress.say(f"projects to try: {escape(', '.join(made.projects))}")
            progress.say(f"label them as [bold]{made.annotator}[/] with [bold]{made.password}[/]")


def _run(app: FastAPI, listening: socket.socket, trusted_proxy: str | None) -> None:
    import uvicorn

    host, port = listening.getsockname()[:2]
    progress.say(f"serving on [bold]http://{f'[{host}]' if ':' in host else host}:{port}[/]; Ctrl-C ends it")
    config = uvicorn.Config(
        app,
        http="h11",  # which bounds headers
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=trusted_proxy is not None,
        forwarded_allow_ips=trusted_proxy,
        timeout_graceful_shutdown=PATIENCE,
    )
    uvicorn.Server(config).run(sockets=[listening])
