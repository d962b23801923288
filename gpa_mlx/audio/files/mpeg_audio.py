"""MPEG audio (MP1, MP2, MP3) as it lies in a file: frames, and what is no frame between them.

Neither the frame count of a Xing header nor a bit rate that is taken for constant says how long a file is: both are
left behind by programs that write to a pipe, by cutting and by joining. The frames themselves are walked through
(ISO/IEC 11172-3 and 13818-3, 2.4.1: a header of 4 bytes says how long its frame is).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.audio.files.layout import Layout, Link
from gpa_mlx.audio.files.spliced_file import ByteWindow, FileRange, Piece, piece_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_MPEG_1, _MPEG_2, _MPEG_2_5 = 3, 2, 0
_LAYER_1, _LAYER_2, _LAYER_3 = 3, 2, 1
_RATES_HZ = {
    _MPEG_1: (44_100, 48_000, 32_000),
    _MPEG_2: (22_050, 24_000, 16_000),
    _MPEG_2_5: (11_025, 12_000, 8_000),
}
_KBPS_1 = {
    _LAYER_1: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    _LAYER_2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    _LAYER_3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KBPS_2 = {
    _LAYER_1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    _LAYER_2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    _LAYER_3: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}

_CHAIN_FRAMES = 4
"""So many frames in a row are no coincidence: four random bytes look like a header once in a thousand times."""

_SEARCHED_BYTES = 1 << 20
_ID3_BYTES = 10
_XING_FRAMES, _XING_BYTES, _XING_TABLE, _XING_QUALITY = 1, 2, 4, 8
_INFO_WORDS = (b"Xing", b"Info", b"VBRI")
_LAME_BYTES = 36
_LAME_DELAY = 21


class Format(NamedTuple):
    """What stays the same within a stream."""

    version: int
    layer: int
    rate_hz: int
    channels: int


class Frame(NamedTuple):
    """A frame: its length in bytes, its samples per channel, and the format of its stream."""

    size: int
    samples: int
    format: Format


@dataclass(slots=True)
class _Run:
    """Frames of one format, one behind the other but for what is no frame.

    Attributes:
        format: Of all its frames.
        ranges: Where they are.
        frames: How many, an info frame not counted.
        info: The frame in front that holds a Xing header instead of sound; empty when there is none.
    """

    format: Format
    ranges: list[FileRange]
    frames: int = 0
    info: bytes = b""


def parse_header(header: bytes) -> Frame | None:
    """Return what 4 bytes say when they are the header of a frame; None otherwise, also for free-format frames."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate, bits = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 0 or rate == 3 or not 0 < bits < 15 or header[3] & 3 == 2:
        return None
    rate_hz = _RATES_HZ[version][rate]
    kbps = (_KBPS_1 if version == _MPEG_1 else _KBPS_2)[layer][bits - 1]
    padding = header[2] >> 1 & 1
    if layer == _LAYER_1:
        samples, size = 384, (12_000 * kbps // rate_hz + padding) * 4
    else:
        samples = 576 if layer == _LAYER_3 and version != _MPEG_1 else 1152
        size = samples * 125 * kbps // rate_hz + padding
    return Frame(size, samples, Format(version, layer, rate_hz, 1 if header[3] >> 6 == 3 else 2))


def scan(window: ByteWindow, start: int) -> Layout | None:
    """Find the streams of MPEG audio in a file.

    Args:
        window: The file.
        start: Where to begin: at a frame, an ID3 tag, or something that is neither.

    Returns:
        A link for each stream; None when there is none.
    """
    begin = _begin(window, start)
    if begin is None:
        return None
    runs: list[_Run] = []
    damaged: list[float] = []
    for run, has_gap in _runs(window, begin):
        if has_gap:
            damaged.append(sum(map(_duration_s, runs)))
        runs.append(run)
    links = tuple(_link(run) for run in runs if run.frames)
    if not links:
        return None
    duration_s = sum(map(_duration_s, runs))
    promised_s = _promised_s(runs[-1], window) if len(runs) == 1 else None
    return Layout(
        links,
        is_mpeg=True,
        damaged_s=tuple(damaged),
        duration_s=duration_s,
        promised_s=promised_s if promised_s is not None and promised_s > duration_s else None,
    )


def _promised_s(run: _Run, window: ByteWindow) -> float | None:
    """Return the length in the Xing header of a file that ends inside a frame; None where either is missing.

    A count alone proves nothing: it may never have been true.
    """
    if not run.ranges or not run.info:
        return None
    last = parse_header(window.at(run.ranges[-1].end, 4))
    stated = _stated_frames(run.info)
    if last is None or last.format != run.format or run.ranges[-1].end + last.size <= window.size or stated is None:
        return None
    return stated * _samples(run.format) / run.format.rate_hz


def _stated_frames(info: bytes) -> int | None:
    offset = _info_offset(info)
    if not offset or info[offset : offset + 4] == b"VBRI" or not info[offset + 7] & _XING_FRAMES:
        return None
    return int.from_bytes(info[offset + 8 : offset + 12], "big")


def _duration_s(run: _Run) -> float:
    return run.frames * _samples(run.format) / run.format.rate_hz


def after_id3(window: ByteWindow, start: int) -> int:
    """Return where ID3 tags that begin at `start` end, as they say themselves."""
    while (tag := window.at(start, _ID3_BYTES)).startswith(b"ID3") and len(tag) == _ID3_BYTES:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
        start += _ID3_BYTES + size + (_ID3_BYTES if tag[5] & 0x10 else 0)
    return start


def _samples(form: Format) -> int:
    if form.layer == _LAYER_1:
        return 384
    return 576 if form.layer == _LAYER_3 and form.version != _MPEG_1 else 1152


def _begin(window: ByteWindow, start: int) -> int | None:
    """Return where the first frame is.

    An ID3 tag is believed when frames follow it, at once or after zeros; otherwise its size is wrong.
    """
    after = after_id3(window, start)
    after = window.skip(0, after) if after < window.size else after
    if _is_chain(window, after):
        return after
    if after != start and (found := _search(window, start + _ID3_BYTES, window.size)) is not None:
        return found
    return _search(window, start, min(window.size, start + _SEARCHED_BYTES))


def _is_chain(window: ByteWindow, position: int) -> bool:
    """Return whether frames of one format follow each other here, as many as are needed or up to the end."""
    first = None
    for count in range(_CHAIN_FRAMES):
        frame = parse_header(window.at(position, 4))
        if frame is None or (first is not None and frame.format != first.format):
            return count > 1 and position >= window.size
        first = first or frame
        position += frame.size
        if position > window.size:
            return count > 1
    return True


def _search(window: ByteWindow, start: int, end: int) -> int | None:
    """Return where the next frames begin."""
    position = start
    while (position := window.find(b"\xff", position, end)) >= 0:
        if parse_header(window.at(position, 4)) is not None and _is_chain(window, position):
            return position
        position += 1
    return None


def _runs(window: ByteWindow, begin: int) -> Iterator[tuple[_Run, bool]]:
    """Yield runs of frames, and whether something that is neither a frame nor a tag lies before each."""
    position, has_gap = begin, False
    while True:
        run, position = _run(window, position)
        if run is not None:
            yield run, has_gap
        after_tags = _skip_tags(window, position)
        if after_tags + 4 > window.size:
            return
        if _is_chain(window, after_tags):
            position, has_gap = after_tags, False
            continue
        found = _search(window, after_tags, window.size)
        if found is None:
            return
        position, has_gap = found, True


def _skip_tags(window: ByteWindow, position: int) -> int:
    if window.at(position, 3) == b"TAG":
        position += 128
    position = after_id3(window, position)
    return window.skip(0, position) if position < window.size else position


def _run(window: ByteWindow, start: int) -> tuple[_Run | None, int]:
    """Return the frames from `start` on that follow each other, and where they end."""
    first = parse_header(window.at(start, 4))
    assert first is not None, "a chain begins here"
    run = _Run(first.format, [])
    known: dict[bytes, Frame | None] = {}
    position = start
    if _info_offset(content := window.at(start, first.size)):
        run.info = content
        position = start = start + first.size
    while True:
        start_of_frame = window.at(position, 64)
        header = start_of_frame[:4]
        key = header[1:]
        if header[:1] != b"\xff":
            break
        if key not in known:
            known[key] = parse_header(header)
        frame = known[key]
        if frame is None or frame.format != run.format or position + frame.size > window.size:
            break
        # Where another file was appended, its own info frame begins a new run.
        if any(word in start_of_frame for word in _INFO_WORDS) and _info_offset(start_of_frame):
            break
        run.frames += 1
        position += frame.size
    if position > start:
        run.ranges.append(FileRange(start, position))
    if position == start and not run.info:
        return None, position + 1
    return run, position


def _info_offset(frame: bytes) -> int:
    """Return where the Xing header is in a frame; 0 when it has none."""
    parsed = parse_header(frame[:4])
    if parsed is None or parsed.format.layer != _LAYER_3:
        return 0
    form = parsed.format
    side = (17 if form.channels == 1 else 32) if form.version == _MPEG_1 else (9 if form.channels == 1 else 17)
    for offset in (4 + side, 6 + side):
        if frame[offset : offset + 4] in _INFO_WORDS[:2]:
            return offset
    return 36 if frame[36:40] == b"VBRI" else 0


def _link(run: _Run) -> Link:
    """Return a run with a true count in front of it, which is what libmpg123 believes."""
    pieces: tuple[Piece, ...] = tuple(run.ranges)
    samples = run.frames * _samples(run.format)
    if run.format.layer == _LAYER_3:
        pieces = (_info_frame(run, sum(map(piece_bytes, pieces))), *pieces)
    return Link(pieces, samples)


def _info_frame(run: _Run, size: int) -> bytes:
    """Return a frame whose Xing header has the true counts, and the delay of the encoder if the original has it."""
    form = run.format
    header = bytes(
        (
            0xFF,
            0xE1 | form.version << 3 | form.layer << 1,
            9 << 4 | _RATES_HZ[form.version].index(form.rate_hz) << 2,
            0xC0 if form.channels == 1 else 0,
        )
    )
    frame = parse_header(header)
    assert frame is not None, "version, layer and rate are those of a frame"
    side = (17 if form.channels == 1 else 32) if form.version == _MPEG_1 else (9 if form.channels == 1 else 17)
    counts = run.frames.to_bytes(4, "big") + (frame.size + size).to_bytes(4, "big")
    content = header + bytes(side) + b"Info" + bytes((0, 0, 0, _XING_FRAMES | _XING_BYTES)) + counts + _lame(run)
    return content.ljust(frame.size, b"\0")[: frame.size]


def _lame(run: _Run) -> bytes:
    """Return the part of the original Xing header with the encoder's delay and padding."""
    offset = _info_offset(run.info)
    if not offset or run.info[offset : offset + 4] == b"VBRI":
        return b""
    flags = run.info[offset + 7]
    position = offset + 8
    stated = _stated_frames(run.info)
    for flag, length in ((_XING_FRAMES, 4), (_XING_BYTES, 4), (_XING_TABLE, 100), (_XING_QUALITY, 4)):
        position += length if flags & flag else 0
    lame = bytearray(run.info[position : position + _LAME_BYTES])
    if len(lame) < _LAME_BYTES:
        return b""
    if stated != run.frames:  # what the encoder appended is no longer at the end
        lame[_LAME_DELAY + 1] &= 0xF0
        lame[_LAME_DELAY + 2] = 0
    return bytes(lame)
