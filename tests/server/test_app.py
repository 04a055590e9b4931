"""What every response says of itself, the page's files, images that are asked for again, and errors nobody foresaw."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import PIL.Image
import pytest
from served import CLASSES, PAGE, Served, problem, served
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from alframe.errors import AlframeError
from alframe.labelling.signals.auto_accept import audit
from alframe.server.page_files import UNBUILT
from alframe.storage.service.tables import AttemptRow, ProjectRow

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/", "/assets/script-1.js", "/api/health", "/api/nothing", "/api/users", "/assets/no"]
)
def test_every_response_says_what_a_browser_may_do_with_it(looked_at: Served, path: str) -> None:
    headers = looked_at.client().get(path).headers
    assert ALWAYS.items() <= dict(headers).items()
    parts = [part.split() for part in headers["content-security-policy"].split(";")]
    policy = {name: " ".join(sources) for name, *sources in parts}
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy.get("script-src", "'self'") == "'self'"
    assert "permissions-policy" in headers


def test_no_source_outside_is_allowed_or_named(looked_at: Served) -> None:
    """Neither the policy nor the document sends a browser to a third party; FastAPI's own pages would."""
    client = looked_at.client()
    assert "http" not in client.get("/").headers["content-security-policy"]
    assert [client.get(f"/api/{name}").status_code for name in ("docs", "redoc")] == [404, 404]
    assert "/api/projects/{project}" in client.get("/api/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    ("path", "body", "cached"),
    [
        ("/", PAGE, "no-cache"),
        ("/projects/7/label", PAGE, "no-cache"),
        ("/assets/script-1.js", "'use strict'", "public, max-age=31536000, immutable"),
    ],
)
def test_the_page_is_under_every_path_that_is_not_the_apis(
    looked_at: Served, path: str, body: str, cached: str
) -> None:
    response = looked_at.client().get(path)
    assert (response.status_code, response.text) == (200, body)
    assert response.headers["cache-control"] == cached


@pytest.mark.parametrize("path", ["/assets/script-2.js", "/missing.png"])
def test_a_file_that_is_not_there_is_not_the_page(looked_at: Served, path: str) -> None:
    assert looked_at.client().get(path).status_code == 404


def test_without_a_page_there_is_the_api_and_a_word_of_what_to_do(tmp_path: Path) -> None:
    with served(tmp_path, populated=False) as made:
        (tmp_path / "page" / "index.html").unlink()
        response = made.client().get("/")
        assert (response.status_code, response.text) == (404, UNBUILT)
        assert made.client().get("/api/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/nothing", 404), ("PUT", "/api/me", 405), ("POST", "/", 405)]
)
def test_what_is_not_there_is_a_problem_too(looked_at: Served, method: str, path: str, status: int) -> None:
    problem(looked_at.client().request(method, path), status)


def test_answers_of_the_api_are_stored_nowhere(looked_at: Served) -> None:
    assert looked_at.client("admin").get("/api/users").headers["cache-control"] == "no-store"


def test_an_image_that_is_there_already_is_not_sent_again_but_counts_as_seen(service: Served) -> None:
    path = f"/api/items/{service.leases['annotator'].item_id}/image"
    first = service.client("annotator").get(path)
    assert first.headers["content-type"] == "image/png"
    assert "private" in first.headers["cache-control"]
    seen = service.rows()["views"]
    again = service.client("annotator").get(path, headers={"If-None-Match": f'"another", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert service.rows()["views"] == seen + 1
    service.service.items.hold(service.animals.id, ["image 1", "image 2"], "no consent", by="test")
    problem(service.client("admin").get(path, headers={"If-None-Match": first.headers["etag"]}), 404)


def test_what_is_masked_is_seen_no_more_and_the_image_is_another(service: Served) -> None:
    item = service.leases["annotator"].item_id
    path, masks = f"/api/items/{item}/image", f"/api/projects/{service.animals.id}/items/{item}/masks"
    client, manager = service.client("annotator"), service.client("manager")
    first = client.get(path)
    assert manager.put(masks, json={"boxes": [[0.0, 0.0, 8.0, 8.0]]}).status_code == 204
    covered = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert covered.status_code == 200
    assert not np.asarray(PIL.Image.open(BytesIO(covered.content))).any()
    for boxes in ([[0.0, 0.0, 9.0, 8.0]], [[-1.0, 0.0, 4.0, 4.0]], [[4.0, 0.0, 4.0, 4.0]], [[0.0, 1.0]]):
        problem(manager.put(masks, json={"boxes": boxes}), 422)
    assert manager.put(masks, json={"boxes": []}).status_code == 204
    assert client.get(path).content == first.content
    elsewhere = f"/api/projects/{service.elsewhere.id}/items/{item}/masks"
    problem(service.client("stranger").put(elsewhere, json={"boxes": []}), 404)
    actions = [each["action"] for each in service.client("admin").get("/api/audit?limit=500").json()["items"]]
    assert actions.count("items.mask") == 2


def test_a_manager_reads_who_was_shown_what(service: Served) -> None:
    item = service.leases["annotator"].item_id
    for who in ("annotator", "reviewer"):
        service.client(who).get(f"/api/items/{item}/image")
    path = f"/api/projects/{service.animals.id}/views"
    first = service.client("manager").get(path, params={"limit": 1}).json()
    second = service.client("manager").get(path, params={"after": first["next"]}).json()
    seen = [(each["user"], each["item"], each["sample_id"]) for each in first["items"] + second["items"]]
    assert seen == [(who, item, "image 1") for who in ("annotator", "reviewer")]
    assert second["next"] is None
    other = f"/api/projects/{service.elsewhere.id}/views"
    assert service.client("stranger").get(other).json()["items"] == []


def test_no_route_shows_what_is_held(service: Served) -> None:
    """Items with answers, labels and leases, gold and examples: a hold hides each of them."""
    project, manager, reviewer = service.animals, service.client("manager"), service.client("reviewer")
    base, held = f"/api/projects/{project.id}", service.items
    reviewer.post(f"/api/tasks/{service.waiting}/decision", json={"label": 2}, headers={"Idempotency-Key": "once"})
    samples = [each["sample_id"] for each in manager.get(f"{base}/items").json()["items"]]
    assert reviewer.get(f"{base}/labels").json()["items"]
    assert manager.get(f"{base}/gold").json()["items"]
    assert manager.post(f"{base}/holds", json={"samples": samples, "reason": "no consent"}).status_code == 204
    for item in held:
        problem(reviewer.get(f"/api/items/{item}/image"), 404)
    problem(reviewer.get(f"/api/tasks/{service.waiting}"), 404)
    lease = service.leases["annotator"].assignment_id
    problem(service.client("annotator").get(f"/api/assignments/{lease}/prediction"), 409)
    for path in ("labels", "reviews", "gold"):
        assert service.client("admin").get(f"{base}/{path}").json()["items"] == [], path
    assert service.client("annotator").get(f"{base}/examples").json() == []
    assert service.client("annotator").get(f"{base}/leases").json()["items"] == []
    assert service.client("annotator").post(f"{base}/leases").status_code == 204
    assert {each["state"] for each in manager.get(f"{base}/items").json()["items"]} == {"held"}
    with ZipFile(BytesIO(manager.get(f"{base}/export?images=true").content)) as exported:
        said = "".join(exported.read(name).decode("latin-1") for name in exported.namelist())
        assert not any(sample in said for sample in samples)
        assert not any(name.endswith(".png") for name in exported.namelist())


def test_wrong_passwords_are_counted_where_they_came_from(service: Served) -> None:
    client = service.client()
    problem(client.post("/api/session", json={"name": "viewer", "password": "wrong"}), 401)
    body = {"old": "wrong", "new": "another secret of mine"}
    problem(service.client("viewer").put("/api/me/password", json=body), 401)
    with service.service.database.read() as session:
        rows = session.scalars(select(AttemptRow).where(AttemptRow.name == "viewer")).all()
    assert {row.address: row.count for row in rows} == {"127.0.0.1": 2, "*": 2}


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_no_script_reads_the_cookie_and_no_other_site_sends_it(service: Served, scheme: str, secure: bool) -> None:
    body = {"name": "viewer", "password": "viewer has a secret"}
    cookie = service.client().post(f"{scheme}://test/api/session", json=body).headers["set-cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/api/session"} <= parts
    assert ("secure" in parts) is secure


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("SELECT 1", {}, Exception("gone")), 503),
        (ConnectionResetError("gone"), 503),
        (PoolTimeout("20 connections are taken"), 503),
        (DBAPIError("UPDATE", {}, Exception({"C": "40P01", "M": "deadlock detected"})), 503),
        (DBAPIError("UPDATE", {}, Exception({"C": "40001", "M": "could not serialize access"})), 503),
        (DBAPIError("UPDATE", {}, Exception({"C": "42P01", "M": "the secret is 42"})), 500),
        (ZeroDivisionError("the secret is 42"), 500),
        (AlframeError("the secret is 42"), 500),
    ],
)
def test_an_error_that_nobody_foresaw_is_logged_and_says_nothing(
    service: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, status: int
) -> None:
    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr(service.service.roles, "members", fail)
    with caplog.at_level(logging.ERROR):
        response = service.client("manager").get(f"/api/projects/{service.animals.id}/members")
    said = problem(response, status)
    assert ALWAYS.items() <= dict(response.headers).items()
    assert "42" not in said["detail"]
    assert ("Retry-After" in response.headers) is (status == 503)
    assert (error in [record.exc_info[1] for record in caplog.records if record.exc_info]) is (status == 500)


def test_lists_are_pages_that_follow_each_other(looked_at: Served) -> None:
    client, path = looked_at.client("manager"), f"/api/projects/{looked_at.animals.id}/items"
    found, after = [], 0
    while True:
        page = client.get(path, params={"limit": 3, "after": after}).json()
        assert len(page["items"]) <= 3
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == looked_at.items


def test_a_submission_that_is_sent_again_gets_the_first_receipt(service: Served) -> None:
    lease = service.leases["annotator"]
    path, headers = f"/api/assignments/{lease.assignment_id}/submission", {"Idempotency-Key": "once"}
    client, body = service.client("annotator"), {"fence": lease.fence, "label": 1}
    first = client.post(path, json=body, headers=headers)
    answers = [client.post(path, json=body, headers=headers) for _ in range(100)]
    assert {(each.status_code, each.text) for each in answers} == {(201, first.text)}
    problem(client.post(path, json={**body, "label": 2}, headers=headers), 409)
    assert service.rows()["submissions"] == 2


def test_a_label_with_its_class_comes_out_where_it_went_in(service: Served) -> None:
    """A reviewer decides; whoever trains reads the settlement."""
    body, headers = {"label": 2, "reason": "it hoots"}, {"Idempotency-Key": "once"}
    decided = (
        service.client("reviewer").post(f"/api/tasks/{service.waiting}/decision", json=body, headers=headers).json()
    )
    listed = service.client("reviewer").get(f"/api/projects/{service.animals.id}/labels").json()["items"]
    assert listed == [decided]
    assert (CLASSES[decided["label"]], decided["source"], decided["settled_by"]) == ("owl", "review", "reviewer")


def test_a_manager_lets_predictions_be_taken_again(service: Served) -> None:
    """After audits have stopped it; how the project works stays as it is, and it is known who said so."""
    with service.service.database.write() as session:
        session.get_one(ProjectRow, service.animals.id).auto_stopped = "of 20 audited predictions 3 were right"
    project = f"/api/projects/{service.animals.id}"
    told = {who: service.client(who).get(project).json()["auto_accept_stopped"] for who in ("manager", "reviewer")}
    assert told == {"manager": "of 20 audited predictions 3 were right", "reviewer": None}
    assert service.client("manager").post(f"{project}/auto-accept").status_code == 204
    assert service.client("manager").get(project).json()["auto_accept_stopped"] is None
    assert audit(service.service.database, service.animals.id).stopped is None
    entries = service.client("admin").get("/api/audit?limit=500").json()["items"]
    assert ("manager", "auto_accept.resume") in {(each["actor"], each["action"]) for each in entries}
