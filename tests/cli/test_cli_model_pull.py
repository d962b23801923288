"""`gpa-mlx model pull` as a process: killed at any moment, interrupted, and given again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from gpa_mlx.store.manifest import verify_files
from tests.support.hub_server import FakeHub


@pytest.fixture
def hub(small_a):
    with FakeHub.of_directory(small_a).running() as running:
        yield running


@pytest.fixture
def start(hub, tmp_path):
    """Start `gpa-mlx model ...` as a process of its own."""
    environment = {
        **os.environ,
        "GPA_MLX_HOME": str(tmp_path / "home"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_secret",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "OPENBLAS_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1",
    }

    def run(*words):
        command = [sys.executable, "-m", "gpa_mlx", "model", *words]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    return run


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def wait_for_part(folder, process):
    """Return once something of the download has arrived."""
    end = time.monotonic() + 30
    while not any(path.stat().st_size for path in (folder / "downloads").rglob("*.part")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_killed_at_random_moments_the_next_pull_continues(hub, start, tmp_path):
    draw = random.Random(20261121)
    hub.bytes_per_s = 12_000_000
    total = sum(map(len, hub.files.values()))
    for _ in range(8):
        process = start("pull")
        time.sleep(draw.uniform(0.2, 2.5))
        process.kill()
        finish(process)
        target = tmp_path / "home/models/gpa"
        assert not target.exists() or verify_files(target) == []
    hub.bytes_per_s = None
    code, out, err = finish(start("pull", "--json"))
    assert code == 0, err
    assert json.loads(out)["revision"] == hub.commits[0]
    assert verify_files(tmp_path / "home/models/gpa") == []
    assert sorted(path.name for path in (tmp_path / "home/models").iterdir()) == [
        ".gpa.json",
        ".lock",
        "gpa",
    ]
    assert (tmp_path / "home/settings.toml").read_text() == 'model = "gpa"\n'
    assert [path.name for path in (tmp_path / "home/downloads").iterdir()] == [".lock"]
    # What a killed process had under way, and nothing else, is sent twice.
    assert sum(hub.sent.values()) < 1.5 * total


def test_an_interrupted_pull_ends_quietly_and_is_continued(hub, start, tmp_path):
    hub.bytes_per_s = 3_000_000
    process = start("pull")
    wait_for_part(tmp_path / "home", process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    sent = sum(hub.sent.values())
    hub.bytes_per_s = None
    code, _, err = finish(start("pull"))
    assert code == 0, err
    assert "downloading" in err
    assert sum(hub.sent.values()) < sum(map(len, hub.files.values())) + 0.5 * sent + 1_000_000


def test_killed_while_it_repairs_the_next_repair_continues(hub, start, tmp_path):
    assert finish(start("pull"))[0] == 0
    target = tmp_path / "home/models/gpa"
    (target / "model.safetensors").write_bytes(b"x")
    hub.bytes_per_s = 12_000_000
    for delay_s in (0.8, 1.6):
        process = start("repair")
        time.sleep(delay_s)
        process.kill()
        finish(process)
    hub.bytes_per_s = None
    code, _, err = finish(start("repair"))
    assert code == 0, err
    assert verify_files(target) == []


def test_the_second_of_two_waits_and_says_so(hub, start, tmp_path):
    hub.bytes_per_s = 8_000_000
    first = start("pull")
    wait_for_part(tmp_path / "home", first)
    second = start("pull")
    time.sleep(1.5)
    hub.bytes_per_s = None
    assert finish(first)[0] == 0
    code, _, err = finish(second)
    assert code == 0, err
    assert "waiting for another gpa-mlx" in err
    assert "is installed already" in err


def test_a_hub_that_is_gone_is_one_sentence_and_a_hint(hub, start):
    hub.faults["api"] = "404*"
    code, out, err = finish(start("pull"))
    assert (code, out) == (1, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]
