#!/usr/bin/env python3
"""Transcribe a long recording, and watch how long it takes and how much memory the process holds meanwhile.

    python tests/bench/hour.py [--model demo] [--minutes 60] [--json]

The recording is made of the demo model's samples in random order, with pauses of 0.5 to 3 s between them, and written
beside the subtitles in a temporary folder. `gpa-mlx transcribe` runs in a process of its own; `ps` tells what it holds
every 5 s (resident set, in MB). The words found are
compared with those said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from gpa_mlx.model import demo
from gpa_mlx.text.metrics import word_error_rate
from gpa_mlx.types import SAMPLE_RATE_HZ

EVERY_S = 5.0


def write_recording(file: Path, minutes: float) -> str:
    """Write a recording of at least `minutes` and return its words."""
    rng = np.random.default_rng(0)
    samples = [(soundfile.read(sample.file, dtype="float32")[0], sample.text) for sample in demo.demo_samples()]
    words: list[str] = []
    with soundfile.SoundFile(file, "w", SAMPLE_RATE_HZ, 1, "PCM_16") as out:
        while out.frames < minutes * 60 * SAMPLE_RATE_HZ:
            wave, text = samples[rng.integers(len(samples))]
            out.write(wave)
            out.write(np.zeros(rng.integers(SAMPLE_RATE_HZ // 2, 3 * SAMPLE_RATE_HZ), dtype=np.float32))
            words.append(text)
    return " ".join(words)


def resident_mb(pid: int) -> float | None:
    """Return what a process holds; None when it has ended."""
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(answer.stdout) / 1000 if answer.stdout.strip() else None


def transcribe(model: str, recording: Path, text: Path) -> tuple[float, list[float]]:
    """Run the command; returns its seconds and what it held every few seconds, in MB.

    Raises:
        subprocess.CalledProcessError: It failed; its own words are on standard error.
    """
    command = [sys.executable, "-m", "gpa_mlx", "transcribe", str(recording), "--model", model, "-o", str(text)]
    started = time.perf_counter()
    process = subprocess.Popen(command)
    held: list[float] = []
    while process.poll() is None:
        size = resident_mb(process.pid)
        if size:
            held.append(size)
        try:
            process.wait(EVERY_S)
        except subprocess.TimeoutExpired:
            continue
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - started, held


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=demo.NAME)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recording, text = Path(folder) / "long.wav", Path(folder) / "long.txt"
        said = write_recording(recording, arguments.minutes)
        audio_s = soundfile.info(recording).duration
        try:
            took_s, held = transcribe(arguments.model, recording, text)
        except subprocess.CalledProcessError as error:
            parser.exit(error.returncode)
        wrong = word_error_rate([(said, text.read_text(encoding="utf-8"))])
    # The first figures are those of a process that is still reading its model.
    steady = held[max(1, len(held) // 10) :] or held
    report = {
        "audio_s": round(audio_s, 1),
        "took_s": round(took_s, 1),
        "held_mb": {"first": round(steady[0]), "last": round(steady[-1]), "most": round(max(held))},
        "word_error_rate": round(wrong, 4),
    }
    if arguments.json:
        print(json.dumps(report))
    else:
        print(
            f"{audio_s / 60:.1f} min of audio in {took_s:.0f} s ({audio_s / took_s:.0f} times real time), "
            f"{wrong:.1%} of {len(said.split())} words wrong; the process held {steady[0]:.0f} MB after a tenth of it, "
            f"{steady[-1]:.0f} MB at the end, {max(held):.0f} MB at most"
        )


if __name__ == "__main__":
    main()
