"""What an attacker sends is refused with a clear 4xx, and nothing of it is kept."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
import zlib
from collections.abc import Callable
from io import BytesIO
from struct import pack
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import jwt
import pytest
from served import PAGE, Served, problem


def claims(made: Served, **other: Any) -> dict[str, Any]:
    now = time.time()
    said = {"sub": str(made.people["admin"].id), "iat": now, "exp": now + 600, "jti": uuid.uuid4().hex, "epoch": 0}
    return said | {"aud": "alframe", "iss": "alframe"} | other


def encoded(made: Served, key: bytes | None = None, **other: Any) -> str:
    return jwt.encode(claims(made, **other), key or made.service.secret, "HS256")


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(made: Served, algorithm: str = "none") -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims(made))}."


def signed(made: Served, algorithm: str, digest: str) -> str:
    """Signed with the service's secret, and said to be so by an algorithm."""
    said = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims(made))}"
    signature = hmac.new(made.service.secret, said.encode(), digest).digest()
    return f"{said}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


FORGED: dict[str, Callable[[Served], str]] = {
    "no algorithm": unsigned,
    "no algorithm, shouted": lambda made: unsigned(made, "NONE"),
    "another key": lambda made: encoded(made, b"x" * 32),
    "another algorithm": lambda made: signed(made, "HS512", "sha512"),
    "said to be RS256": lambda made: signed(made, "RS256", "sha256"),
    "expired": lambda made: encoded(made, exp=time.time() - 60),
    "a foreign audience": lambda made: encoded(made, aud="elsewhere"),
    "a foreign issuer": lambda made: encoded(made, iss="elsewhere"),
    "no audience": lambda made: jwt.encode(
        {name: said for name, said in claims(made).items() if name != "aud"}, made.service.secret, "HS256"
    ),
    "never expires": lambda made: jwt.encode(
        {name: said for name, said in claims(made).items() if name != "exp"}, made.service.secret, "HS256"
    ),
    "an earlier session": lambda made: encoded(made, epoch=-1),
    "nobody": lambda made: encoded(made, sub="4711"),
    "no number": lambda made: encoded(made, sub="1 OR 1=1"),
    "no token": lambda _: "x",
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_token_opens_nothing(looked_at: Served, forged: Callable[[Served], str]) -> None:
    response = looked_at.client(token=forged(looked_at)).get("/api/users")
    problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_token_made_as_the_service_makes_them_would_open_it(looked_at: Served) -> None:
    """The test of the tests above: what they change is what makes the difference."""
    assert looked_at.client(token=encoded(looked_at)).get("/api/users").status_code == 200


PATHS = [
    "/api/projects/{}",
    "/api/projects/{}/leases",
    "/api/assignments/{}/prediction",
    "/api/items/{}/image",
    "/api/tasks/{}",
    "/{}",
    "/assets/{}",
]
TRAVERSALS = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/secret",
    "....//....//secret",
    "..\\..\\secret",
    "%00",
    "1%00.png",
    "-1",
    "0",
    "1e3",
    "9223372036854775808",
    "1" * 5_000,
    "%ff%fe",
    "1;DROP TABLE users",
    "secret",
    "service.sqlite",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("word", TRAVERSALS, ids=lambda word: word[:20])
def test_no_path_leads_out(looked_at: Served, path: str, word: str) -> None:
    before = looked_at.rows()
    response = looked_at.client("admin").get(path.format(word))
    assert 400 <= response.status_code < 500 or response.text == PAGE
    assert looked_at.rows() == before


def png(width: int, height: int) -> bytes:
    """A file that claims that size, with the pixels of one row."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 + width)))
        + chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(document.cookie)</script></svg>'


def archive(**files: bytes) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return buffer.getvalue()


ARCHIVES = {
    "zip-slip": archive(**{"../../../tmp/evil.png": png(2, 2)}),
    "an absolute path": archive(**{"/etc/cron.d/evil": b"* * * * *"}),
    "a bomb": archive(**{"zeros.png": bytes(50 * 2**20)}),
    "no archive": b"PK\x03\x04 and nothing more",
    "nothing": b"",
}


@pytest.mark.parametrize("body", ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_could_do_harm_is_refused_whole(looked_at: Served, body: bytes) -> None:
    before = looked_at.rows(), looked_at.files()
    path = f"/api/projects/{looked_at.animals.id}/import"
    problem(looked_at.client("manager").post(path, content=body, headers={"Content-Type": "application/zip"}), 422)
    assert (looked_at.rows(), looked_at.files()) == before


@pytest.mark.parametrize(
    "data", [png(30_000, 30_000), SVG, b"GIF89a", b"<html>"], ids=["900 megapixels", "SVG", "GIF", "HTML"]
)
def test_what_is_no_image_that_is_taken_is_left_out(looked_at: Served, data: bytes) -> None:
    before = looked_at.rows(), looked_at.files()
    path = f"/api/projects/{looked_at.animals.id}/import"
    body = archive(**{"evil.png": data})
    answer = looked_at.client("manager").post(path, content=body, headers={"Content-Type": "application/zip"}).json()
    assert answer["items"] == 0
    assert answer["refused"][0].startswith("evil.png")
    assert (looked_at.rows(), looked_at.files()) == before


def ring(corners: int) -> list[float]:
    return [float(number % 7) for number in range(2 * corners)]


def boxed(*box: Any, **more: Any) -> str:
    return json.dumps({"objects": [{"box": list(box), "label": 0, **more}]})


LABELS = {
    "a NaN box": (boxed(0, 0, float("nan"), 4), 400),
    "an infinite box": (boxed(0, 0, float("inf"), 4), 400),
    "a box beyond floats": ('{"objects": [{"box": [0, 0, 1e999, 4], "label": 0}]}', 422),
    "a box outside": (boxed(100, 100, 200, 200), 422),
    "a box inside out": (boxed(5, 5, 1, 1), 422),
    "an unknown class": (boxed(0, 0, 4, 4).replace('"label": 0', '"label": 99'), 422),
    "a class beyond integers": (boxed(0, 0, 4, 4).replace('"label": 0', f'"label": {10**30}'), 422),
    "a million corners": (boxed(0, 0, 8, 8, mask={"rings": [ring(10**6)]}), 413),
    "too many corners": (boxed(0, 0, 8, 8, mask={"rings": [ring(20_000)]}), 422),
    "an outline around the world": (boxed(0, 0, 8, 8, mask={"rings": [[0, 0, 1e9, 0, 1e9, 1e9]]}), 422),
    "run lengths of another size": (boxed(0, 0, 8, 8, mask={"size": [10**6, 10**6], "counts": "1"}), 422),
    "run lengths that are none": (boxed(0, 0, 8, 8, mask={"size": [8, 8], "counts": "\u00e9" * 50}), 422),
    "deep JSON": ("[" * 100_000, 400),
    "deep JSON that ends": ("[" * 5_000 + "]" * 5_000, 400),
    "a label of another kind": ("1", 422),
    "more than is asked for": (boxed(0, 0, 4, 4, admin=True), 422),
}


@pytest.mark.parametrize(("label", "status"), LABELS.values(), ids=LABELS)
def test_a_label_that_cannot_be_is_refused(hostile: Served, label: str, status: int) -> None:
    before = hostile.rows()
    lease = hostile.leases["stranger"]
    body = f'{{"fence": {lease.fence}, "label": {label}}}'
    path = f"/api/assignments/{lease.assignment_id}/submission"
    headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    problem(hostile.client("stranger").post(path, content=body, headers=headers), status)
    assert hostile.rows() == before


NAMES = ["", " ", "a\0b", "a\nb", "\u202egnp.exe", "x" * 10_000, "\ud800", "../../etc", "' OR 1=1 --", "<script>"]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:20]))
def test_a_name_is_a_name_or_is_refused(service: Served, name: str) -> None:
    """What is no name is refused; what is merely strange is kept as it is, and harms nobody."""
    body = json.dumps({"name": name, "kind": "detection", "classes": ["a"]})
    headers = {"Content-Type": "application/json"}
    response = service.client("admin").post("/api/projects", content=body, headers=headers)
    if response.status_code == 201:
        project = service.client("admin").get(f"/api/projects/{response.json()['id']}")
        assert project.json()["name"] == name
        assert project.headers["content-type"] == "application/json"
    else:
        problem(response, 400 if name in ("a\0b", "\ud800") else 422)
        assert service.rows()["projects"] == 2


def test_a_password_is_not_repeated_to_whoever_mistyped_a_field(looked_at: Served) -> None:
    body = {"name": "ann", "password": "hunter2 hunter2", "admin": True}
    assert "hunter2" not in looked_at.client().post("/api/session", json=body).text


def test_a_refresh_token_is_good_for_once_and_its_theft_ends_the_session(service: Served) -> None:
    vars(service.service)["tokens"]._grace = 0.0
    body = {"name": "viewer", "password": "viewer has a secret"}
    client, thief = service.client(), service.client()
    client.post("/api/session", json=body)
    thief.cookies = client.cookies
    stolen = dict(client.cookies)
    assert client.post("/api/session/refresh").status_code == 200
    again = {"Cookie": "; ".join(f"{name}={value}" for name, value in stolen.items())}
    problem(service.client().post("/api/session/refresh", headers=again), 401)
    problem(client.post("/api/session/refresh"), 401)


def test_after_signing_out_the_refresh_token_is_good_for_nothing(service: Served) -> None:
    body = {"name": "viewer", "password": "viewer has a secret"}
    client = service.client()
    client.post("/api/session", json=body)
    kept = {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}
    assert client.delete("/api/session").status_code == 204
    assert not client.cookies
    problem(service.client().post("/api/session/refresh", headers=kept), 401)
