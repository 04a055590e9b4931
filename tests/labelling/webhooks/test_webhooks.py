"""Events reach receivers outside at least once, signed, and nobody makes the service call its own network."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import time
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import update

from alframe.errors import InvalidInput, NotFound
from alframe.labelling.projects import Project, Projects
from alframe.labelling.webhooks import delivering
from alframe.labelling.webhooks.delivering import ATTEMPTS, CLAIM, deliver
from alframe.labelling.webhooks.outbox import Webhooks, announce
from alframe.labelling.webhooks.outside import address_outside
from alframe.labelling.webhooks.signatures import SIGNATURE, signature, verify_signature
from alframe.storage.service import ServiceDatabase
from alframe.storage.service.tables import DeliveryRow, WebhookRow


@dataclass
class Receiver:
    """A server on this machine that answers with ``statuses`` in turn, the last one for ever, and keeps what came."""

    statuses: list[int] = field(default_factory=lambda: [200])
    came: list[tuple[dict[str, Any], bytes, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.came.append((json.loads(body), body, str(self.headers[SIGNATURE])))
            status = kept.statuses.pop(0) if len(kept.statuses) > 1 else kept.statuses[0]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(database: ServiceDatabase) -> Project:
    return Projects(database).create("digits", "classification", ["zero", "one"], by="ann")


def say(database: ServiceDatabase, project: Project, **data: Any) -> int:
    with database.write() as session:
        return announce(session, project.id, "batch.completed", data)


def send(database: ServiceDatabase, *, limit: int = 100, allow_private: bool = True) -> int:
    return deliver(database, limit=limit, rng=np.random.default_rng(0), allow_private=allow_private)


def wait_over(database: ServiceDatabase) -> None:
    """The pause before the next attempt is over."""
    with database.write() as session:
        session.execute(update(DeliveryRow).values(due_at=0.0))


def delivery(database: ServiceDatabase) -> DeliveryRow:
    with database.read() as session:
        return session.query(DeliveryRow).one()


def test_a_receiver_that_fails_twice_takes_it_in_the_end(
    database: ServiceDatabase, project: Project, receiver: Receiver
) -> None:
    receiver.statuses = [503, 500, 204]
    _, secret = Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    assert say(database, project, round=3) == 1
    assert [send(database), send(database)] == [0, 0]  # the second finds nothing due
    assert len(receiver.came) == 1
    assert delivery(database).error == "answered 503"
    wait_over(database)
    assert send(database) == 0
    wait_over(database)
    assert send(database) == 1
    wait_over(database)
    assert send(database) == 0
    assert delivery(database).error == ""
    assert [said["id"] for said, _, _ in receiver.came] == [delivery(database).id] * 3
    said, body, header = receiver.came[-1]
    assert (said["event"], said["project"], said["data"]) == ("batch.completed", project.id, {"round": 3})
    assert verify_signature(secret, header, body, at=time())
    assert not verify_signature(secret, header, body + b" ", at=time())


def test_pauses_grow_and_end(database: ServiceDatabase, project: Project, receiver: Receiver) -> None:
    receiver.statuses = [500]
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    say(database, project)
    pauses = []
    for _ in range(ATTEMPTS):
        before = time()
        send(database)
        pauses.append(delivery(database).due_at - before)
        wait_over(database)
    assert send(database) == 0
    assert len(receiver.came) == ATTEMPTS
    assert delivery(database).attempts == ATTEMPTS
    longest = [min(10.0 * 4**attempt, 6 * 3600.0) for attempt in range(ATTEMPTS)]
    assert all(most / 2 - 5 <= pause <= most + 30 for pause, most in zip(pauses, longest, strict=True))


def test_an_event_is_told_only_if_its_transaction_holds(database: ServiceDatabase, project: Project) -> None:
    Webhooks(database).add(project.id, "https://example.org/", ["batch.completed"], by="ann")

    def fail() -> None:
        with database.write() as session:
            announce(session, project.id, "batch.completed", {})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.read() as session:
        assert session.query(DeliveryRow).count() == 0


def test_a_webhook_hears_of_what_it_asked_for(database: ServiceDatabase, project: Project) -> None:
    other = Projects(database).create("other", "classification", ["a"], by="ann")
    hooks = Webhooks(database)
    hooks.add(project.id, "https://example.org/a", ["cycle.finished"], by="ann")
    hooks.add(other.id, "https://example.org/b", ["batch.completed"], by="ann")
    gone, _ = hooks.add(project.id, "https://example.org/c", ["batch.completed"], by="ann")
    assert say(database, project) == 1
    hooks.remove(project.id, gone.id, by="ann")
    assert say(database, project) == 0
    assert [hook.url for hook in hooks.all(project.id)] == ["https://example.org/a"]
    assert send(database) == 0  # what waited for the removed one is not sent
    with pytest.raises(NotFound):
        hooks.remove(other.id, gone.id, by="ann")


def test_a_redirect_is_not_followed(database: ServiceDatabase, project: Project, receiver: Receiver) -> None:
    receiver.statuses = [302, 200]
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    say(database, project)
    assert send(database) == 0
    assert len(receiver.came) == 1
    assert delivery(database).error == "answered 302"


def test_a_receiver_that_is_gone_is_asked_no_more(
    database: ServiceDatabase, project: Project, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    say(database, project)
    assert send(database) == 0
    assert Webhooks(database).all(project.id) == []


def test_addresses_inside_are_refused_unless_allowed(
    database: ServiceDatabase, project: Project, receiver: Receiver
) -> None:
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    say(database, project)
    assert send(database, allow_private=False) == 0
    assert receiver.came == []
    assert "not of the public Internet" in delivery(database).error


def test_a_receiver_that_cannot_be_reached_is_tried_again(database: ServiceDatabase, project: Project) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        Webhooks(database).add(project.id, url, ["batch.completed"], by="ann")
        say(database, project)
        assert send(database) == 0
    assert "ConnectError" in delivery(database).error
    assert delivery(database).delivered_at is None


@pytest.fixture
def trickle() -> Iterator[str]:
    """The address of a receiver that sends a byte of its headers now and then, and never the last."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):
                while not over.is_set():
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                        while not over.wait(0.02):
                            connection.sendall(b"a")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_receiver_that_answers_for_ever_is_left_and_holds_nobody_else_up(
    database: ServiceDatabase, project: Project, receiver: Receiver, trickle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told one event, in vain, while the other one takes all of its own."""
    monkeypatch.setattr(delivering, "DEADLINE", 0.3)
    slow, _ = Webhooks(database).add(project.id, trickle, ["batch.completed"], by="ann")
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    for number in range(3):
        say(database, project, number=number)
    assert send(database) == 3
    with database.read() as session:
        tried = session.query(DeliveryRow).filter_by(webhook_id=slow.id).order_by(DeliveryRow.id).all()
    assert [row.attempts for row in tried] == [1, 0, 0]
    assert "did not answer within" in tried[0].error


def test_a_delivery_is_claimed_for_longer_than_it_may_take(
    database: ServiceDatabase, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second server that comes meanwhile finds nothing due."""
    found: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        found.append(deliver(database, rng=np.random.default_rng(1), transport=httpx.MockTransport(answer)))
        return httpx.Response(200)

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("93.184.215.14", 0))])
    Webhooks(database).add(project.id, "https://example.org/", ["batch.completed"], by="ann")
    say(database, project)
    assert deliver(database, rng=np.random.default_rng(0), transport=httpx.MockTransport(answer)) == 1
    assert found == [0]
    assert CLAIM > 2 * delivering.DEADLINE


def test_nothing_further_is_sent_once_it_is_to_end(
    database: ServiceDatabase, project: Project, receiver: Receiver
) -> None:
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    for number in range(3):
        say(database, project, number=number)
    going = lambda: not receiver.came  # noqa: E731
    assert deliver(database, rng=np.random.default_rng(0), allow_private=True, going=going) == 1
    assert len(receiver.came) == 1


def test_two_servers_share_the_work(database: ServiceDatabase, project: Project, receiver: Receiver) -> None:
    """Each of 40 deliveries arrives once, whoever of four sends it."""
    Webhooks(database).add(project.id, receiver.url, ["batch.completed"], by="ann")
    for number in range(40):
        say(database, project, number=number)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: send(database), range(4)))
    assert sum(taken) == 40
    assert sorted(said["data"]["number"] for said, _, _ in receiver.came) == list(range(40))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 (an address that is refused)
        "224.0.0.1",
        "2130706433",
        "0x7f.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_every_spelling_of_an_address_inside_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="not of the public Internet"):
        address_outside(host)


def test_a_name_with_one_address_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: object, **__: object) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.215.14", 0)), (2, 1, 6, "", ("10.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(InvalidInput, match=r"10\.0\.0\.1"):
        address_outside("example.org")
    assert address_outside("example.org", allow_private=True) == "93.184.215.14"


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    database: ServiceDatabase, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that points elsewhere at the second look is not looked up again; TLS is held to the name."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("93.184.215.14", 0))])
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    Webhooks(database).add(project.id, "https://hooks.example.org:8443/in?key=1", ["batch.completed"], by="ann")
    say(database, project)
    assert deliver(database, rng=np.random.default_rng(0), transport=httpx.MockTransport(answer)) == 1
    assert str(seen[0].url) == "https://93.184.215.14:8443/in?key=1"
    assert seen[0].headers["Host"] == "hooks.example.org:8443"
    assert seen[0].extensions["sni_hostname"] == "hooks.example.org"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "file:///etc/passwd",
        "https://",
        "https://user:pw@example.org",
        "//example.org",
        "http://a b",
    ],
)
def test_what_cannot_be_posted_to_is_refused(database: ServiceDatabase, project: Project, url: str) -> None:
    with pytest.raises(InvalidInput):
        Webhooks(database).add(project.id, url, ["batch.completed"], by="ann")
    with database.read() as session:
        assert session.query(WebhookRow).count() == 0


@pytest.mark.parametrize("events", [[], ["batch.completed", "moon.rises"]])
def test_events_that_do_not_exist_are_refused(database: ServiceDatabase, project: Project, events: list[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"a webhook hears of batch\.completed"):
        Webhooks(database).add(project.id, "https://example.org", events, by="ann")


@pytest.mark.parametrize(
    "header",
    ["", "t=1000", "t=,v1=", "t=-1000,v1=0", "t=1e3,v1=0", "t=" + "9" * 400 + ",v1=0", "v1=0,t=1000", "t=\u0661,v1=0"],
)
def test_a_receiver_refuses_what_is_no_signature(header: str) -> None:
    assert not verify_signature("secret", header, b"{}", at=1000.0)


def test_a_receiver_refuses_recordings_and_other_secrets() -> None:
    sent = signature("secret", b"{}", 1000)
    assert verify_signature("secret", sent, b"{}", at=1299.0)
    assert not verify_signature("secret", sent, b"{}", at=1301.0)
    assert not verify_signature("other", sent, b"{}", at=1000.0)
    assert not verify_signature("secret", sent.replace("t=1000", "t=1001"), b"{}", at=1001.0)
