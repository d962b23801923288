"""Which kind of file it is, by its first bytes, and where its streams are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.audio.files import chunked, mpeg_audio, ogg_pages
from gpa_mlx.audio.files.spliced_file import ByteWindow

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.audio.files.layout import Layout

_SKIPPED_BYTES = 1 << 24
_HEAD_BYTES = 4096
_SHORTEST_BYTES = 12
AMBIGUOUS_SUFFIXES = frozenset((".ts", ".mts", ".dts", ".ra", ".sf", ".act"))
"""TypeScript, device trees and others have these too."""

_MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpga", ".mpa")
_KNOWN = {
    b"RIFF": "WAV",
    b"RF64": "WAV",
    b"BW64": "WAV",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"caff": "CAF",
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"riff": "Wave64",
    b"\x1aE\xdf\xa3": "Matroska",
    b"0&\xb2u": "Windows Media",
    b"#!AM": "AMR",
    b"FLV\1": "Flash",
    b"wvpk": "WavPack",
    b"MAC ": "Monkey's Audio",
    b"TTA1": "TTA",
    b"\x7f\xfe\x80\x01": "DTS",
}


class Container(NamedTuple):
    """A file as it presents itself.

    Attributes:
        kind: Its format; empty when the first bytes are those of no known one.
        layout: Its streams, where they are not simply the whole file as libsndfile reads it.
        is_sized: A header says how many bytes the samples have, and nothing behind them can be decoded.
        is_text: Nobody's recording.
        prefers_ffmpeg: libsndfile makes something of it, but not always the right thing: it takes the heads of the
            later blocks of a VOC file for samples; and where a page of an Ogg file is missing, only time stamps tell
            where the rest belongs.
    """

    kind: str
    layout: Layout | None
    is_sized: bool
    is_text: bool
    prefers_ffmpeg: bool = False


def examine(descriptor: int, name: str) -> Container:
    """Look into an open regular file; zeros in front of everything are passed over.

    Args:
        descriptor: The file; its position does not move.
        name: Its name: the suffix counts where the first bytes say nothing.
    """
    window = ByteWindow(descriptor, os.fstat(descriptor).st_size)
    # MPEG-4 and others begin with a zero or two of their own.
    start = min(window.skip(0, 0), _SKIPPED_BYTES) if window.at(0, 16) == bytes(16) else 0
    head = window.at(start, _HEAD_BYTES)
    kind, layout = _KNOWN.get(head[:4], "") if len(head) >= _SHORTEST_BYTES else "", None
    if kind == "WAV" and head[8:12] != b"WAVE":
        kind = "RIFF"
    if kind == "WAV" and (sound := chunked.mpeg_in_wav(window, start)) is not None:
        kind, layout = "MP3", mpeg_audio.scan(window, sound)
    elif kind == "WAV":
        layout = chunked.scan_wav(window, start)
    elif kind == "AIFF":
        layout = chunked.scan_aiff(window, start)
    elif kind == "AU":
        layout = chunked.scan_au(window, start)
    elif kind == "FLAC":
        layout = chunked.scan_flac(window, start)
    elif kind == "Ogg":
        layout = ogg_pages.scan(window, start)
        if (
            layout is not None
            and start == 0
            and len(layout.links) == 1
            and not (layout.is_damaged or layout.is_unended)
        ):
            layout = None
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof"):
        kind = "MPEG-4"
    elif not kind:
        kind, layout = _mpeg_or_flac(window, start, head, name)
    prefers = head.startswith(b"Creative Voice File") or (
        layout is not None and layout.is_damaged and len(layout.links) == 1
    )
    return Container(kind, layout, kind in ("WAV", "AIFF", "AU", "CAF", "Wave64"), _is_text(head), prefers)


def search(descriptor: int) -> Layout | None:
    """Look for MPEG audio or Ogg behind anything, in a file that nobody knows."""
    window = ByteWindow(descriptor, os.fstat(descriptor).st_size)
    found = window.find(b"OggS\0", 0, min(window.size, 1 << 20))
    if found >= 0 and (layout := ogg_pages.scan(window, found)) is not None:
        return layout
    return mpeg_audio.scan(window, 0)


def is_text_file(path: Path) -> bool:
    """Return whether a file holds text; False where it cannot be read, which is then told in its place."""
    try:
        with path.open("rb") as file:
            return _is_text(file.read(_HEAD_BYTES))
    except OSError:
        return False


def _mpeg_or_flac(window: ByteWindow, start: int, head: bytes, name: str) -> tuple[str, Layout | None]:
    if head.startswith(b"ID3"):
        after = mpeg_audio.after_id3(window, start)
        if window.at(after, 4) == b"fLaC":
            return "FLAC", chunked.scan_flac(window, after)
        if window.at(after, 4) in _KNOWN:
            return _KNOWN[window.at(after, 4)], None
    is_mpeg = head.startswith(b"ID3") or mpeg_audio.parse_header(head[:4]) is not None
    if (is_mpeg or name.lower().endswith(_MPEG_SUFFIXES)) and (found := mpeg_audio.scan(window, start)) is not None:
        return "MP3", found
    return "", None


def _is_text(head: bytes) -> bool:
    """Return whether the first bytes are text: no control characters but line ends and tabs."""
    try:
        text = head[: head.rfind(b"\n") + 1 or len(head)].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(head) and all(letter >= " " or letter in "\t\r\n\f" for letter in text)
