"""One first run as people start it: the steps that say most for the least time."""

from __future__ import annotations

import getpass
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_first_run_on_this_computer(process, tmp_path):
    report = tmp_path / "report.json"
    chosen = [word for name in ("versions", "backend", "parity", "clipboard") for word in ("--step", name)]
    result = process("doctor", "--first-run", report, "--no-person", *chosen)
    assert result.code == 0, result.out + result.err
    document = json.loads(report.read_text())
    steps = {step["name"]: step for step in document["steps"]}
    assert {name: step["status"] for name, step in steps.items()} == {
        "versions": "passed",
        "backend": "passed",
        "precisions": "passed",
        "parity": "passed",
        "clipboard": "skipped",
    }
    exact, default = list(steps["parity"]["facts"]["runs"].values())[:2]
    assert (exact["MLX_ENABLE_TF32"], default["MLX_ENABLE_TF32"]) == ("0", None)
    assert exact["product_error"] < 1e-5
    float32 = exact["models"]["float32"]
    assert [float32[kind]["different"] for kind in ("glm", "semantic", "global", "texts", "speech")] == [0] * 5
    text = report.read_text()
    for private in (str(tmp_path), str(Path.home()) + "/", f"/{getpass.getuser()}/"):
        assert private not in text


@pytest.mark.slow
def test_a_run_that_is_ended_leaves_its_report(tmp_path):
    report = tmp_path / "report.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "gpa_mlx", "doctor", "--first-run", report, "--step", "versions", "--step", "commands"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not report.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143, out + err
    steps = json.loads(report.read_text())["steps"]
    assert [(step["name"], step["status"]) for step in steps] == [("versions", "passed"), ("commands", "skipped")]
    assert str(report) in err
