"""Long audio in the memory of seconds."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

MINUTES = 30
RATE_HZ = 8_000
LIMIT_BYTES = 40 * 2**20  # the whole recording at 16 kHz would be 115 MB in float32

PROGRAM = """
import sys
from gpa_mlx.audio.files.reader import load_recording, open_recording
from gpa_mlx.audio.vad.energy_gate import EnergyGate
from gpa_mlx.audio.vad.segmenter import iter_segments
from gpa_mlx.errors import InputTooLongError

from tests.support.memory import peak_bytes as peak

short, long = sys.argv[1:]
for vad in (EnergyGate(), None):
    with open_recording(short) as reader:
        list(iter_segments(reader, vad=vad))
before = peak()
try:
    load_recording(long, max_duration_s=60)
except InputTooLongError:
    pass
totals = []
for vad in (EnergyGate(), None):
    with open_recording(long) as reader:
        durations = [segment.recording.duration_s for segment in iter_segments(reader, vad=vad)]
    totals += [len(durations), sum(durations), max(durations)]
print(peak() - before, *totals)
"""


@pytest.mark.slow
def test_half_an_hour_is_cut_in_bounded_memory(tmp_path):
    generator = np.random.default_rng(0)
    time_s = np.arange(60 * RATE_HZ) / RATE_HZ
    # A minute of bursts like syllables with a pause of 3 s, over and over; 8-bit, so that the file is quickly made.
    minute = 0.3 * generator.standard_normal(len(time_s)) * (time_s % 0.25 < 0.18) * (time_s < 57)
    for name, minutes in (("short.wav", 1), ("long.wav", MINUTES)):
        with soundfile.SoundFile(tmp_path / name, "w", RATE_HZ, 1, subtype="PCM_U8") as file:
            for _ in range(minutes):
                file.write(minute)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "short.wav", tmp_path / "long.wav"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    growth, *totals = (float(word) for word in result.stdout.split())
    assert growth < LIMIT_BYTES
    count, seconds, longest = totals[:3]
    assert count >= MINUTES * 2
    assert 0.95 * MINUTES * 57 < seconds < 0.97 * MINUTES * 60
    assert longest <= 30
    count, seconds, longest = totals[3:]
    assert count >= MINUTES * 2
    assert seconds == pytest.approx(MINUTES * 60, abs=1e-3)
    assert longest <= 30
