"""What a repository holds, as the hub lists it, and what is said when it does not."""

from __future__ import annotations

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.store.hub.repository import RemoteFile, list_snapshot
from tests.support.hub_server import LARGE, FakeHub, use_hub

FILES = {"config.json": b"{}\n", "model.safetensors": b"x" * LARGE, "README.md": b"words"}


@pytest.fixture
def hub(monkeypatch):
    with FakeHub(dict(FILES), commits=["a" * 40, "b" * 40]).running() as running:
        use_hub(monkeypatch, running)
        yield running


def everything(names):
    return names


def test_the_commit_and_the_checksums_are_resolved(hub):
    found = list_snapshot(hub.repo, None, lambda names: {"config.json", "model.safetensors"} & set(names))
    assert found.revision == "b" * 40
    assert found.files == (
        RemoteFile("config.json", 3, hashlib.sha1(b"blob 3\0{}\n").hexdigest()),
        RemoteFile("model.safetensors", LARGE, hashlib.sha256(FILES["model.safetensors"]).hexdigest()),
    )
    for file in found.files:
        digest = file.new_digest()
        digest.update(FILES[file.name])
        assert digest.hexdigest() == file.checksum
    assert list_snapshot(hub.repo, "a" * 40, everything).revision == "a" * 40


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "./model", "/models/gpa", "~/gpa", "", "../x", "a/b?c", "-x/y"])
def test_names_that_are_no_repository_are_not_asked_for(hub, name):
    with pytest.raises(ModelNotFoundError, match="is not a repository"):
        list_snapshot(name, None, everything)
    assert hub.requests == []


def test_what_does_not_exist(hub):
    with pytest.raises(ModelNotFoundError, match="nobody/none is not a repository"):
        list_snapshot("nobody/none", None, everything)
    with pytest.raises(ModelNotFoundError, match="is not a repository"):
        list_snapshot("a/b--c", None, everything)
    with pytest.raises(ModelNotFoundError, match="has no revision v9"):
        list_snapshot(hub.repo, "v9", everything)


def test_a_gated_repository_says_what_to_do(hub):
    hub.gated = True
    with pytest.raises(ModelNotFoundError, match="does not let you read") as caught:
        list_snapshot(hub.repo, None, everything)
    assert "HF_TOKEN" in caught.value.hint
    assert hub.repo in caught.value.hint


@pytest.mark.parametrize("fault", ["500", "503 reset", "429"])
def test_passing_faults_are_waited_out(hub, fault):
    hub.faults["api"] = fault
    assert list_snapshot(hub.repo, None, everything).revision == "b" * 40


@pytest.mark.parametrize("fault", ["500*", "reset*", "400*"])
def test_lasting_faults_are_named(hub, fault):
    hub.faults["api"] = fault
    with pytest.raises(GPAError, match="could not be reached") as caught:
        list_snapshot(hub.repo, None, everything)
    assert "HF_ENDPOINT" in caught.value.hint
    assert len(hub.requests) == (1 if fault == "400*" else 3)


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a/../../x.json", "a\\b.json", "a//b.json"])
def test_file_names_that_leave_the_folder_are_refused(hub, name):
    hub.files[name] = b"x"
    with pytest.raises(ModelFormatError, match="leaves its directory"):
        list_snapshot(hub.repo, None, everything)


@pytest.mark.parametrize("change", [{"size": None}, {"blobId": None}, {"size": -1}, {"blobId": "xyz"}])
def test_a_file_without_size_or_checksum_is_refused(hub, monkeypatch, change):
    listing = hub.listing("main")
    listing["siblings"][0].update(change)
    monkeypatch.setattr(FakeHub, "listing", lambda self, revision: listing)
    with pytest.raises(ModelFormatError, match=r"no size and checksum of config\.json"):
        list_snapshot(hub.repo, None, everything)


@pytest.mark.parametrize("commit", ["main", None, "../../x"])
def test_a_listing_without_a_commit_is_refused(hub, monkeypatch, commit):
    listing = hub.listing("main")
    listing["sha"] = commit
    monkeypatch.setattr(FakeHub, "listing", lambda self, revision: listing)
    with pytest.raises(ModelFormatError, match="names no commit"):
        list_snapshot(hub.repo, None, everything)


def test_a_file_in_two_thousand_folders_is_refused(hub):
    hub.files["a/" * 2000 + "b"] = b""
    with pytest.raises(ModelFormatError, match="2001 folders deep"):
        list_snapshot(hub.repo, None, everything)


def test_a_token_is_not_sent_in_clear(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://mirror.example")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(SettingsError, match=r"http://mirror.example.* in clear"):
        list_snapshot("someone/model", None, everything)


@pytest.mark.parametrize("times", [1, 3])
def test_a_listing_that_is_compressed_is_not_unpacked(monkeypatch, times):
    packed = bytes(10_000_000)
    for _ in range(times):
        packed = gzip.compress(packed)
    asked = []

    class Bomb(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Accept-Encoding"])
            self.send_response(200)
            self.send_header("Content-Encoding", ", ".join(["gzip"] * times))
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Bomb) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(GPAError, match="its answer is compressed"):
            list_snapshot("someone/model", None, everything)
        server.shutdown()
    assert asked == ["identity"]
