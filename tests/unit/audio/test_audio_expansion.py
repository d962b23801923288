"""Small files that decode to hours: refused where they become absurd, in flat memory; a full disk is told as one."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile

import pytest

from gpa_mlx.audio.files import ffmpeg
from gpa_mlx.audio.files.expansion import ExpansionLimit
from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.errors import AudioFileError

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
RATE_HZ = 8_000
LIMIT_BYTES = 40 * 2**20  # what the bomb decodes to, at 16 kHz in float64, would be 430 MB


def box(name, *content):
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full_box(name, *content):
    return box(name, bytes(4), *content)


def quicktime(chunks, *, chunk_samples=8_000, count=None):
    """A QuickTime file of 8-bit PCM whose table names the same second again and again."""
    count = chunks * chunk_samples if count is None else count
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    head = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    sound = box(b"mdat", bytes([128, 140, 128, 116]) * (chunk_samples // 4))
    sample = box(b"raw ", bytes(6), struct.pack(">H8xHHHHI", 1, 1, 8, 0, 0, RATE_HZ << 16))
    tables = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), sample),
        full_box(b"stts", struct.pack(">III", 1, count, 1)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, chunk_samples, 1)),
        full_box(b"stsz", struct.pack(">II", 1, count)),
        full_box(b"stco", struct.pack(">I", chunks), struct.pack(">I", len(head) + 8) * chunks),
    )
    references = box(b"dinf", full_box(b"dref", struct.pack(">I", 1), box(b"url ", struct.pack(">I", 1))))
    media = box(
        b"mdia",
        full_box(b"mdhd", bytes(8), struct.pack(">II4x", RATE_HZ, count)),
        full_box(b"hdlr", b"mhlrsoun", bytes(13)),
        box(b"minf", full_box(b"smhd", bytes(4)), references, tables),
    )
    track = box(b"tkhd", struct.pack(">I8xIIII4xHHHH", 7, 1, 0, count, 0, 0, 0, 0x100, 0), matrix, bytes(8))
    movie = full_box(
        b"mvhd", bytes(8), struct.pack(">IIIH10x", RATE_HZ, count, 0x10000, 0x100), matrix, bytes(24), b"\0\0\0\2"
    )
    return head + sound + box(b"moov", movie, box(b"trak", track, media))


PROGRAM = """
import sys
from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.errors import AudioFileError
from tests.support.memory import peak_bytes as peak

def read(path):
    with open_recording(path, channels="speech") as reader:
        return sum(block.duration_s for block in reader)

read(sys.argv[1])
before = peak()
try:
    print(read(sys.argv[2]))
except AudioFileError as error:
    print(error)
print(peak() - before)
"""


@needs_ffmpeg
def test_a_file_that_goes_on_and_on_is_refused_in_flat_memory(tmp_path):
    (tmp_path / "short.mov").write_bytes(quicktime(2))
    (tmp_path / "bomb.mov").write_bytes(quicktime(5_000))  # 28 kB, 83 minutes
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "short.mov", tmp_path / "bomb.mov"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    said, growth = result.stdout.splitlines()
    assert "bomb.mov goes on after 57:3" in said
    assert "no recording of 29 kB does" in said
    assert "ffmpeg -i FILE decoded.wav" in said
    assert int(growth) < LIMIT_BYTES


@needs_ffmpeg
def test_an_announced_length_costs_nothing(tmp_path):
    (tmp_path / "announced.mov").write_bytes(quicktime(1, count=2**31 - 1))
    with open_recording(tmp_path / "announced.mov") as reader:
        assert reader.duration_s > 1e5
        assert sum(block.duration_s for block in reader) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "size", "seconds"),
    [
        (16_000, 1, 0, 600),  # a little is always allowed
        (16_000, 1, 36_000, 4_200),
        (48_000, 2, 36_000, 4_200),
        (192_000, 8, 36_000, 4_200 / 16),  # a second of much counts for several
    ],
)
def test_the_limit_follows_the_size(rate_hz, channels, size, seconds):
    limit = ExpansionLimit("a.flac", size, rate_hz, channels)
    limit.count(int(0.999 * seconds * rate_hz * channels))
    with pytest.raises(AudioFileError, match=r"a\.flac goes on"):
        limit.count(int(0.002 * seconds * rate_hz * channels))


@pytest.fixture
def afconvert(tmp_path, monkeypatch):
    """A machine with an `afconvert` that does what a script says, and no ffmpeg; its temporary folder ends empty."""
    folder, spool = tmp_path / "programs", tmp_path / "spool"
    folder.mkdir()
    spool.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    monkeypatch.setattr(ffmpeg, "_WATCH_S", 0.01)

    def make(script):
        program = folder / "afconvert"
        program.write_text(f"#!/bin/sh\nfor target; do :; done\n{script}\n")
        program.chmod(0o755)
        source = tmp_path / "a.m4a"
        source.write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + b"\x11" * 500)
        with pytest.raises(AudioFileError) as caught:
            open_recording(source)
        return str(caught.value)

    yield make
    assert list(spool.iterdir()) == []


def test_what_afconvert_writes_is_watched(afconvert, tmp_path):
    # A file of a gigabyte that has no content: only its last block is written.
    grow = '/bin/dd if=/dev/zero of="$target" bs=1024 count=1 seek=1000000 2>/dev/null'
    said = afconvert(f'echo $$ > "{tmp_path}/pid"; {grow}; exec /bin/sleep 600')
    assert "a.m4a goes on after" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_disk_that_is_full_while_afconvert_works_is_told_as_one(afconvert, monkeypatch):
    monkeypatch.setattr(ffmpeg, "is_full", lambda folder: True)
    said = afconvert("exit 1")
    assert "is full" in said
    assert "the recording may be fine" in said
    assert "damaged" not in said
