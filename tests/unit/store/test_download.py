"""Downloads from a hub that answers properly, badly or not at all: files are whole and right, or not there."""

from __future__ import annotations

import errno
import random
import threading
from dataclasses import replace

import pytest

from gpa_mlx.errors import CancelledError, GPAError, ModelNotFoundError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.store.hub import download as download_module
from gpa_mlx.store.hub.download import download, missing_bytes, stream_download
from gpa_mlx.store.hub.repository import list_snapshot
from gpa_mlx.store.hub.retry_policy import RetryPolicy
from gpa_mlx.store.hub.transfer import Fetcher
from gpa_mlx.version import __version__
from tests.support.hub_server import FAST, LARGE, FakeHub, use_hub

BIG, SMALL, EMPTY = "deep/model.safetensors", "config.json", "empty.txt"
CONTENT = {BIG: random.Random(1).randbytes(6 * LARGE), SMALL: b'{"a": 1}\n', EMPTY: b""}


@pytest.fixture
def hub(monkeypatch):
    with FakeHub(dict(CONTENT)).running() as running:
        use_hub(monkeypatch, running)
        yield running


def snapshot(hub):
    return list_snapshot(hub.repo, None, lambda names: names)


def stored(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cancelled_after(size, stop, steps):
    for step in steps:
        if step.done > size:
            stop.cancel()


def test_every_file_arrives_under_its_name(hub, tmp_path):
    wanted = snapshot(hub)
    assert missing_bytes(wanted, tmp_path) == wanted.size == sum(map(len, CONTENT.values()))
    reports = list(stream_download(wanted, tmp_path))
    assert stored(tmp_path) == CONTENT
    assert reports[-1] == (wanted.size, wanted.size)
    assert missing_bytes(wanted, tmp_path) == 0


def test_what_is_there_is_checked_and_not_asked_for_again(hub, tmp_path):
    wanted = snapshot(hub)
    download(wanted, tmp_path)
    hub.requests.clear()
    download(wanted, tmp_path)
    assert hub.requests == []
    (tmp_path / SMALL).write_bytes(b'{"a": 2}\n')  # the same size
    (tmp_path / BIG).write_bytes(b"short")
    download(wanted, tmp_path)
    assert stored(tmp_path) == CONTENT
    assert len(hub.requests) == 2


@pytest.mark.parametrize("there", [1, 1000, 6 * LARGE - 1])
def test_a_part_is_continued_where_it_ends(hub, tmp_path, there):
    part = tmp_path / f"{BIG}.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[BIG][:there])
    assert missing_bytes(snapshot(hub), tmp_path) == sum(map(len, CONTENT.values())) - there
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT
    assert hub.sent[BIG] == len(CONTENT[BIG]) - there


@pytest.mark.parametrize("there", [b"x" * 1000, b"x" * 6 * LARGE, b"x" * 7 * LARGE], ids=["some", "all", "more"])
def test_a_part_with_other_bytes_is_dropped(hub, tmp_path, there):
    part = tmp_path / f"{BIG}.part"
    part.parent.mkdir()
    part.write_bytes(there)
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        "503 503",
        "429",
        "408",
        "reset",
        "stall",
        "wrong",
        "long",
        "cut",
        "cut cut cut cut cut cut",
        "cut norange",
        "cut shifted",
        "cut 416",
        "cut wrong",
        "cut 500 reset cut",
    ],
)
def test_a_passing_fault_costs_time_only(hub, tmp_path, fault):
    hub.faults[BIG] = fault
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT


def test_after_a_cut_only_the_rest_is_asked_for(hub, tmp_path):
    hub.faults[BIG] = "cut"
    download(snapshot(hub), tmp_path)
    assert hub.sent[BIG] == len(CONTENT[BIG])
    first, second = (request for request in hub.storage_requests)
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={len(CONTENT[BIG]) // 2}-"


def test_a_server_without_ranges_is_taken_at_its_word(hub, tmp_path):
    hub.faults[BIG] = "cut norange"
    download(snapshot(hub), tmp_path)
    assert len(hub.storage_requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("401*", ModelNotFoundError, "does not let you read"),
        ("403*", ModelNotFoundError, "does not let you read"),
        ("404*", ModelNotFoundError, f"lists {BIG}"),
        ("400*", GPAError, "the server answers 400"),
        ("500*", GPAError, "the server answers 500"),
        ("503*", GPAError, "the server answers 503"),
        ("416*", GPAError, "does not have the range"),
        ("reset*", GPAError, "could not be downloaded"),
        ("wrong*", GPAError, "another checksum"),
        ("long*", GPAError, "more than the hub lists"),
    ],
)
def test_a_lasting_fault_ends_in_one_sentence_and_no_wrong_file(hub, tmp_path, fault, kind, said):
    hub.faults[BIG] = fault
    with pytest.raises(GPAError) as caught:
        download(snapshot(hub), tmp_path)
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / BIG).exists()
    hub.faults.clear()
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT


def test_a_wrong_checksum_is_not_asked_for_again_and_again(hub, tmp_path):
    hub.faults[BIG] = "cut wrong cut wrong cut wrong cut wrong*"
    with pytest.raises(GPAError, match="another checksum"):
        download(snapshot(hub), tmp_path)
    assert hub.sent[BIG] <= 2 * len(CONTENT[BIG])


def test_the_token_goes_to_the_hub_and_to_no_other_host(hub, tmp_path):
    hub.token = "hf_secret"
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT
    assert all(request.headers["authorization"] == "Bearer hf_secret" for request in hub.requests)
    assert len(hub.storage_requests) == 1
    assert "authorization" not in hub.storage_requests[0].headers


def test_a_full_disk_is_said(hub, tmp_path, monkeypatch):
    def fetch(self, url, file, target, on_bytes):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    with pytest.raises(GPAError, match="No space left on device") as caught:
        download(snapshot(hub), tmp_path)
    assert "goes on where it stopped" in caught.value.hint


def test_a_stopped_download_keeps_what_has_arrived(hub, tmp_path):
    hub.bytes_per_s = 4 * LARGE
    stop = CancelScope()
    with cancellable(stop), pytest.raises(CancelledError):
        cancelled_after(LARGE, stop, stream_download(snapshot(hub), tmp_path))
    kept = (tmp_path / f"{BIG}.part").read_bytes()
    assert CONTENT[BIG].startswith(kept)
    assert len(kept) > LARGE // 2
    hub.bytes_per_s = None
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT
    assert hub.sent[BIG] < 1.5 * len(CONTENT[BIG])


def test_files_are_fetched_side_by_side(monkeypatch, tmp_path):
    files = {f"{number}.bin": bytes([number]) * LARGE for number in range(4)}
    barrier = threading.Barrier(4, timeout=5)
    fetch = Fetcher.fetch

    def together(self, url, file, target, on_bytes):
        barrier.wait()
        fetch(self, url, file, target, on_bytes)

    monkeypatch.setattr(Fetcher, "fetch", together)
    with FakeHub(files).running() as hub:
        use_hub(monkeypatch, hub)
        download(snapshot(hub), tmp_path, jobs=4)
    assert stored(tmp_path) == files


def test_a_silent_server_does_not_hold_an_interrupt(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "_PARTING_S", 0.05)
    hub.faults[BIG] = "stall*"
    stop = CancelScope()
    with cancellable(stop), pytest.raises(CancelledError):
        cancelled_after(0, stop, stream_download(snapshot(hub), tmp_path, retries=type(FAST)(stall_s=60)))


def test_proxies_of_the_environment_are_asked(monkeypatch, tmp_path):
    from huggingface_hub import close_session

    with FakeHub(dict(CONTENT)).running() as hub:
        use_hub(monkeypatch, hub)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        close_session()
        try:
            with pytest.raises(GPAError, match="could not be reached"):
                snapshot(hub)
        finally:
            close_session()
        assert hub.requests == []


def test_the_files_of_the_resolved_commit_are_asked_for(hub, tmp_path):
    download(snapshot(hub), tmp_path)
    asked = {request.path for request in hub.requests if "resolve" in request.path}
    assert asked == {f"/{hub.repo}/resolve/{hub.commits[0]}/{name}" for name in (BIG, SMALL)}


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "_PARTING_S", 2.0)
    hub.faults[BIG] = "drip"
    with pytest.raises(GPAError, match=r"comes too slowly: [0-9]+ bytes a second") as caught:
        download(snapshot(hub), tmp_path, retries=replace(FAST, slow_s=0.5))
    assert "goes on where it stopped" in caught.value.hint
    there = (tmp_path / f"{BIG}.part").stat().st_size
    assert there > 0
    download(snapshot(hub), tmp_path)
    assert stored(tmp_path) == CONTENT
    assert hub.storage_requests[-1].headers["range"] == f"bytes={there}-"


def test_a_listing_that_comes_byte_by_byte_is_given_up(hub, monkeypatch):
    hub.faults["api"] = "drip*"
    monkeypatch.setattr(RetryPolicy, "default", classmethod(lambda cls: replace(FAST, answer_s=0.5)))
    with pytest.raises(GPAError, match=r"could not be reached .* within 0\.5 s"):
        snapshot(hub)
    assert len(hub.requests) == 1


def test_nothing_is_asked_that_the_user_did_not_ask_for(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants
    from huggingface_hub.utils import _detect_agent

    # As on the first day on a new machine: the library's list of coding agents is not there, and may be fetched.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "agents.json"), raising=False)
    monkeypatch.setattr(_detect_agent, "_registry", None, raising=False)
    download(snapshot(hub), tmp_path / "model")
    commit = hub.commits[0]
    assert sorted(request.path for request in [*hub.requests, *hub.storage_requests]) == sorted(
        [
            f"/api/models/{hub.repo}",
            *(f"/{hub.repo}/resolve/{commit}/{name}" for name in (BIG, SMALL)),
            f"/storage/{BIG}",
        ]
    )
    for request in [*hub.requests, *hub.storage_requests]:
        assert request.headers["user-agent"] == f"gpa-mlx/{__version__}"
    assert not (tmp_path / "agents.json").exists()
