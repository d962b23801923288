#!/usr/bin/env python3
"""Measure how long a user waits for the program: `gpa-mlx --help`, and the app's first words and first frame.

    python tests/bench/startup.py [--trials 10]

The app runs in a pseudo-terminal of 80 by 24 with the demo model and an empty home. Its first words are "is starting";
its first frame is complete when the names of the modes and the keys at the bottom have been written. One unmeasured
start comes first, so that everything is compiled and in the disk cache, as after an installation. The machine must be
idle: what is measured is mostly the import of Python modules.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

PATIENCE_S = 20.0
CTRL_Q = b"\x11"


def program() -> str:
    """Return the installed program beside this interpreter, or the one on PATH."""
    beside = Path(sys.executable).with_name("gpa-mlx")
    found = str(beside) if beside.exists() else shutil.which("gpa-mlx")
    if found is None:
        raise SystemExit("gpa-mlx is not installed.")
    return found


def help_s(environment: dict[str, str]) -> float:
    """Run `gpa-mlx --help`."""
    started = time.perf_counter()
    subprocess.run([program(), "--help"], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def app_s(environment: dict[str, str]) -> tuple[float, float]:
    """Start the app and end it; returns seconds to its first words and to its first complete frame."""
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execve(program(), ["gpa-mlx", "tui", "--model", "demo"], environment)
    seen, words_s = b"", 0.0
    try:
        while not (b"Dictate" in seen and b"Commands" in seen):
            if time.perf_counter() - started > PATIENCE_S:
                raise SystemExit("The app shows nothing.")
            seen += _read(terminal)
            if not words_s and b"is starting" in seen:
                words_s = time.perf_counter() - started
        frame_s = time.perf_counter() - started
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            os.write(terminal, CTRL_Q)
            _read(terminal)
    finally:
        os.close(terminal)
    return words_s, frame_s


def _read(terminal: int) -> bytes:
    if not select.select([terminal], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says so when the other end has closed
        return b""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "GPA_MLX_HOME": home, "TERM": "xterm-256color"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        help_s(environment), app_s(environment)
        helps = [help_s(environment) for _ in range(trials)]
        starts = [app_s(environment) for _ in range(trials)]
    rows = {
        "gpa-mlx --help": helps,
        "gpa-mlx tui, first words": [words for words, _ in starts],
        "gpa-mlx tui, first frame": [frame for _, frame in starts],
    }
    for name, values in rows.items():
        print(f"{name:26} median {statistics.median(values):.3f} s, {min(values):.3f} to {max(values):.3f} s")


if __name__ == "__main__":
    main()
