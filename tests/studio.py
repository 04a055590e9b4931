"""A small server that answers as Label Studio 1.23 was seen to, a real one where there is a program, and annotators."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import httpx

TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 (of servers on the loopback)
PERSONAL = "eyJh.eyJ0.sig"


@dataclass
class Studio:
    """What a fake server has: tests change it as people and accidents would."""

    url: str = ""
    token: str = TOKEN
    projects: list[dict[str, Any]] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    accident: Callable[[str, str], tuple[int, Any, bool] | None] = lambda _method, _path: None
    """Of a request, the answer that it gets instead, and whether it is done nevertheless."""
    access: str = "access-1"
    annotations: int = 0

    def annotate(self, task: dict[str, Any], body: dict[str, Any], user: int = 1) -> dict[str, Any]:
        """An annotation as the server makes it."""
        self.annotations += 1
        at = f"2026-11-21T21:47:{self.annotations // 1000:02d}.{self.annotations % 1000:03d}000Z"
        made = {"id": self.annotations, "result": [], "was_cancelled": False, "ground_truth": False, "lead_time": None}
        made |= {"completed_by": user, "created_username": " a@example.org, 1", "created_at": at, "updated_at": at}
        made |= {"task": task["id"], "project": task["project"], **body}
        task["annotations"].append(made)
        return made

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """The status and JSON of an answer."""
        if path.startswith("/data/"):
            return 200, dict(self.files)[path.removeprefix("/data/")]
        routes: list[tuple[str, Callable[[int], tuple[int, Any]]]] = [
            (r"/api/projects()", lambda _: self._projects(method, query, body)),
            (r"/api/projects/(\d+)", lambda number: self._changed(self.projects[number - 1], body)),
            (r"/api/projects/(\d+)/file-uploads", lambda _: self._uploads(query)),
            (r"/api/projects/(\d+)/import", lambda number: self._import(number, query, body)),
            (r"/api/projects/(\d+)/export", lambda number: self._export(number)),
            (r"/api/tasks()", lambda _: self._tasks(query)),
            (r"/api/tasks/(\d+)/annotations/", lambda number: (201, self.annotate(self.tasks[number - 1], body))),
            (r"/api/token/()", lambda _: (201, {"token": PERSONAL})),
        ]
        for pattern, act in routes:
            if found := re.fullmatch(pattern, path):
                return act(int(found[1] or 0))
        return 404, {"detail": "Not found."}

    def _changed(self, project: dict[str, Any], body: Any) -> tuple[int, Any]:
        project.update(body)
        return 200, project | {"parsed_label_config": parsed(project["label_config"])}

    def _uploads(self, query: dict[str, str]) -> tuple[int, Any]:
        assert query == {"all": "true"}
        return 200, [{"id": row, "file": name, "size": len(data)} for row, (name, data) in enumerate(self.files, 1)]

    def _export(self, number: int) -> tuple[int, Any]:
        ours = [each for each in self.tasks if each["project"] == number]
        return 200, [each | {"predictions": [7 for _ in each["predictions"]]} for each in ours]

    def _projects(self, method: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "POST":
            made = {"id": len(self.projects) + 1, "model_version": "", **body}
            self.projects.append(made)
            return 201, made | {"parsed_label_config": parsed(made["label_config"])}
        found = [each for each in self.projects if query["title"].lower() in each["title"].lower()]
        shown = [each | {"parsed_label_config": parsed(each["label_config"])} for each in found]
        page, size = int(query["page"]), int(query["page_size"])
        part = shown[(page - 1) * size : page * size]
        more = "http://elsewhere/?page=2" if len(shown) > page * size else None
        return 200, {"count": len(shown), "next": more, "previous": None, "results": part}

    def _import(self, project: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if isinstance(body, dict):
            assert query == {"commit_to_project": "false"}
            assert len(body) <= 100, "Too many files"
            first = len(self.files) + 1
            for name, data in body.items():
                self.files.append((f"upload/{project}/{first:08x}-{name}", data))
            ids = list(range(first, len(self.files) + 1))
            return 201, {"task_count": len(body), "file_upload_ids": ids, "could_be_tasks_list": False}
        for each in body:
            task = {"id": len(self.tasks) + 1, "project": project, "annotations": [], "drafts": [], **each}
            self.tasks.append(task)
        return 201, {"task_count": len(body), "annotation_count": 0, "file_upload_ids": []}

    def _tasks(self, query: dict[str, str]) -> tuple[int, Any]:
        assert query["fields"] == "all"
        found = [each for each in self.tasks if each["project"] == int(query["project"])]
        for item in json.loads(query.get("query", '{"filters": {"items": []}}'))["filters"]["items"]:
            assert (item["filter"], item["operator"], item["type"]) == ("filter:tasks:data.round", "equal", "Number")
            found = [each for each in found if each["data"].get("round") == item["value"]]
        page, size = int(query["page"]), int(query["page_size"])
        part = found[(page - 1) * size : page * size]
        if not part and page > 1:
            return 404, {"status_code": 404, "detail": "Invalid page."}
        return 200, {"total": len(found), "total_annotations": 0, "total_predictions": 0, "tasks": part}


def parsed(config: str) -> dict[str, Any]:
    """``parsed_label_config`` as the server makes it."""
    controls = [each for each in ET.fromstring(config) if each.tag != "Image"]  # noqa: S314 (our own)
    return {
        each.attrib["name"]: {
            "type": each.tag,
            "to_name": [each.attrib["toName"]],
            "inputs": [{"type": "Image", "valueType": None, "value": "image"}],
            "labels": [label.attrib["value"] for label in each],
        }
        for each in controls
    }


class _Handler(BaseHTTPRequestHandler):
    studio: Studio

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        studio, parts = self.studio, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        studio.calls.append(f"{self.command} {parts.path}")
        instead = studio.accident(self.command, parts.path)
        if instead is not None and not instead[2]:
            self._send(*instead[:2])
            return
        status, said = self._done(parts.path, query, data)
        self._send(*(instead[:2] if instead is not None else (status, said)))

    def _done(self, path: str, query: dict[str, str], data: bytes) -> tuple[int, Any]:
        if path == "/api/token/refresh/":
            good = json.loads(data) == {"refresh": PERSONAL}
            return (200, {"access": self.studio.access}) if good else (401, {"detail": "Token is invalid"})
        if self.headers["Authorization"] not in (f"Token {self.studio.token}", f"Bearer {self.studio.access}"):
            return 401, {"status_code": 401, "detail": "Invalid token."}
        return self.studio.answer(self.command, path, query, self._body(data))

    def _body(self, data: bytes) -> Any:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/"):
            return json.loads(data) if data else None
        message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + data)
        payload: Any = message.get_payload()
        return {part.get_filename(): part.get_payload(decode=True) for part in payload}

    def _send(self, status: int, said: Any) -> None:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "https://elsewhere.example/api/projects")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 (the names that http.server looks for)


@contextmanager
def fake_studio() -> Iterator[Studio]:
    """A fake server on the loopback."""
    studio = Studio()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"studio": studio}))
    studio.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield studio
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def program() -> str | None:
    """Where Label Studio is installed: as ``ALFRAME_LABEL_STUDIO`` says, or on the path."""
    return os.environ.get("ALFRAME_LABEL_STUDIO") or shutil.which("label-studio")


@contextmanager
def real_studio(folder: Path) -> Iterator[str]:
    """A real server on the loopback that sends nothing anywhere; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    command = [str(program()), "start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1"]
    command += ["--data-dir", str(folder), "--username", "a@example.org", "--password", "no secret at all"]
    command += ["--user-token", TOKEN, "--enable-legacy-api-token"]
    with (folder / "log").open("wb") as log:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | quiet
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                if httpx.get(f"{url}/health").is_success:
                    break
            except httpx.HTTPError:
                pass
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.25)
        yield url
    finally:
        process.terminate()
        process.wait()


class Annotator:
    """A person at Label Studio, through the API that its page uses."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=60)

    def __enter__(self) -> Annotator:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def tasks(self, title: str) -> list[dict[str, Any]]:
        """The tasks of a project, with predictions."""
        found = self.get("/api/projects", title=title, page=1, page_size=100)["results"]
        (project,) = [each["id"] for each in found if each["title"] == title]
        tasks: list[dict[str, Any]] = []
        total = 1
        while len(tasks) < total:
            page = len(tasks) // 100 + 1
            said = self.get("/api/tasks", project=project, fields="all", page=page, page_size=100)
            tasks, total = [*tasks, *said["tasks"]], said["total"]
        return tasks

    def submit(self, task: dict[str, Any], result: list[Any], **more: Any) -> Any:
        """Annotate a task."""
        return self.post(f"/api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 1.5, **more})

    def get(self, path: str, **params: Any) -> Any:
        """What the server says."""
        return self._client.get(path, params=params).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        """What the server says to that."""
        return self._client.post(path, json=body).raise_for_status().json()

    def bytes(self, path: str) -> bytes:
        """A file of the server."""
        return self._client.get(path).raise_for_status().content
