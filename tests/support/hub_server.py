"""A loopback server that speaks what a download asks of the Hugging Face hub, and misbehaves on request.

Like the hub, it answers `GET /api/models/OWNER/NAME[/revision/REV]?blobs=true`, and redirects
`GET /OWNER/NAME/resolve/COMMIT/FILE` of large files to another host, which serves ranges.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from gpa_mlx.store.hub.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

FAST = RetryPolicy(stall_s=1.0, tries=3, first_wait_s=0.01)
"""What tests wait."""

LARGE = 100_000
"""Files of at least so many bytes are listed with their SHA-256 and served by the second host."""


@dataclass
class Request:
    """What was asked.

    Attributes:
        path: Without the query.
        headers: Lower-case names.
    """

    path: str
    headers: dict[str, str]


@dataclass
class FakeHub:
    """One repository and the mischief it is up to.

    A fault is one word for each successive request of a file: `ok`, a status such as `503`, `cut` (half of the body,
    then the connection is closed), `stall` (half of the body, then silence), `drip` (a byte now and then),
    `wrong` (other bytes of the same number),
    `long` (more than announced in the listing), `norange` (all of it, whatever range was asked), `shifted` (another
    range than asked), `reset` (closed without an answer). After the last word all is well, unless it ends in `*`:
    then it is repeated for ever.

    Attributes:
        files: Content by name.
        repo: Its id.
        commits: The newest last; all have the same files.
        faults: By file name, or `api` for the listing.
        token: What a request to the first host must bear; None lets everybody in.
        gated: Refuses the listing with the hub's code for gated repositories.
        bytes_per_s: Speed of every body; None is as fast as possible.
        requests: All that was asked of the first host.
        storage_requests: All that was asked of the second host.
        sent: Bytes of bodies sent, by file name.
        url: Address of the first host.
        storage_url: Address of the second host.
    """

    files: dict[str, bytes]
    repo: str = "AutoArk-AI/GPA"
    commits: list[str] = field(default_factory=lambda: ["c0ffee" + "0" * 34])
    faults: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False
    bytes_per_s: float | None = None
    requests: list[Request] = field(default_factory=list)
    storage_requests: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    url: str = ""
    storage_url: str = ""
    _asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of_directory(cls, root: Path, **options: object) -> FakeHub:
        """Serve the files below `root`, but for what the reference recorded there, and one that nobody needs."""
        found = sorted(path for path in root.rglob("*") if path.is_file())
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
        files = {name: content for name, content in files.items() if not name.startswith("golden/")}
        return cls({**files, "README.md": b"words"}, **options)  # type: ignore[arg-type]

    @contextmanager
    def running(self) -> Iterator[FakeHub]:
        """Serve on two loopback ports: the hub and the storage it redirects to."""
        servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, storage)) for storage in (False, True)]
        self.url, self.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
        for server in servers:
            server.daemon_threads = True
            server.handle_error = lambda *client: None  # clients that go away are part of the tests
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield self
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()

    def fault(self, name: str) -> str:
        """Return the next word of a file's plan."""
        words = self.faults.get(name, "").split()
        with self._lock:
            number = self._asked[name]
            self._asked[name] += 1
        if not words:
            return "ok"
        if number < len(words):
            return words[number].rstrip("*")
        return words[-1].rstrip("*") if words[-1].endswith("*") else "ok"

    def listing(self, revision: str) -> dict[str, object] | None:
        """Return what the hub says of a revision."""
        commit = {"main": self.commits[-1], **{commit: commit for commit in self.commits}}.get(revision)
        if commit is None:
            return None
        return {
            "id": self.repo,
            "sha": commit,
            "tags": ["license:apache-2.0"],
            "siblings": [dict(_sibling(*item)) for item in self.files.items()],
        }

    def count(self, name: str, sent: int) -> None:
        """Count the bytes of a body."""
        with self._lock:
            self.sent[name] += sent


@cache
def _sibling(name: str, content: bytes) -> dict[str, object]:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": blob}
    if len(content) >= LARGE:
        entry["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
    return entry


def _handler(hub: FakeHub, storage: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            request = Request(path, {name.lower(): value for name, value in self.headers.items()})
            (hub.storage_requests if storage else hub.requests).append(request)
            if hub.token is not None and not storage and self.headers.get("Authorization") != f"Bearer {hub.token}":
                self.answer(401, {"X-Error-Code": "RepoNotFound"})
            elif storage:
                self.file(path.removeprefix("/storage/"))
            elif found := re.fullmatch(rf"/api/models/{hub.repo}(?:/revision/(.*))?", path):
                self.api(found[1] or "main")
            elif found := re.fullmatch(rf"/{hub.repo}/resolve/([0-9a-f]+)/(.+)", path):
                if len(hub.files.get(found[2], b"")) >= LARGE:
                    self.answer(302, {"Location": f"{hub.storage_url}/storage/{found[2]}"})
                else:
                    self.file(found[2])
            else:
                self.answer(404, {"X-Error-Code": "RepoNotFound"})

        def api(self, revision: str) -> None:
            fault = hub.fault("api")
            if fault.isdecimal():
                self.answer(int(fault), {})
            elif fault == "reset":
                self.close_connection = True
            elif fault == "drip":
                self.begin(200, {"Content-Type": "application/json"}, 10_000)
                self.drip("api", b" " * 10_000)
            elif hub.gated:
                self.answer(403, {"X-Error-Code": "GatedRepo"})
            elif (listing := hub.listing(revision)) is None:
                self.answer(404, {"X-Error-Code": "RevisionNotFound"})
            else:
                self.answer(200, {"Content-Type": "application/json"}, json.dumps(listing).encode())

        def file(self, name: str) -> None:
            fault = hub.fault(name)
            if fault == "reset":
                self.close_connection = True
                return
            if fault.isdecimal():
                self.answer(int(fault), {"Retry-After": "0"})
                return
            content = hub.files.get(name)
            if content is None:
                self.answer(404, {"X-Error-Code": "EntryNotFound"})
                return
            start, status = 0, 200
            if fault != "norange" and (asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))):
                start, status = int(asked[1]), 206
                if start >= len(content):
                    self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
                    return
                if fault == "shifted":
                    start = max(0, start - 1)
            body = content[start:]
            if fault == "wrong":
                body = bytes(byte ^ 1 for byte in body)
            if fault == "long":
                body += b"more"
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if status == 206 else {}
            self.begin(status, headers, len(body))
            if fault == "drip":
                self.drip(name, body)
                return
            if fault in ("cut", "stall"):
                self.send(name, body[: len(body) // 2])
                self.close_connection = True
                if fault == "stall":
                    time.sleep(5)
                return
            self.send(name, body)

        def drip(self, name: str, body: bytes) -> None:
            self.close_connection = True
            for start in range(len(body)):
                try:
                    self.wfile.write(body[start : start + 1])
                except OSError:
                    return
                hub.count(name, 1)
                time.sleep(0.05)

        def send(self, name: str, body: bytes) -> None:
            step = 16_384
            for start in range(0, len(body), step):
                chunk = body[start : start + step]
                try:
                    self.wfile.write(chunk)
                except OSError:
                    self.close_connection = True
                    return
                hub.count(name, len(chunk))
                if hub.bytes_per_s:
                    time.sleep(len(chunk) / hub.bytes_per_s)

        def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.begin(status, headers, len(body))
            self.wfile.write(body)

        def begin(self, status: int, headers: dict[str, str], length: int) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()

    return Handler


def use_hub(monkeypatch: pytest.MonkeyPatch, hub: FakeHub) -> None:
    """Make this process take `hub` for the hub, with short waits between tries."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(RetryPolicy, "default", classmethod(lambda cls: FAST))
