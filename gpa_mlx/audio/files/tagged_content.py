"""What finished sound files say about themselves, whatever their format: a digest of their sound, and their tags.

The digest of a lossless file is that of its samples, as bytes of a WAV file: another program may pack them otherwise.
That of a lossy one is of its compressed audio, without the container around it: tags and headers may change, and so may
another program's decoder.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from gpa_mlx.audio.files import mp4_tags
from gpa_mlx.audio.files.wav_info import WavContent, read_wav
from gpa_mlx.errors import AudioFileError

SOFTWARE, COMMENT = "ISFT", "ICMT"
"""The keys of the two tags that this program writes, after the chunks of WAV files."""

_WAV_LAYOUTS = (("fmt ", "data", "INFO"), ("fmt ", "fact", "PEAK", "data", "INFO"))
"""The chunks of the files this program writes: of integers, and of floats."""

_BLOCK_BYTES = 1 << 20
_MOST_TAG_BYTES = 1 << 16
_LIBRARY = re.compile(r" \(libsndfile-[^)]*\)\Z")
_FLAC_WIDTHS = {"PCM_S8": 1, "PCM_16": 2, "PCM_24": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedContent:
    """What is in a sound file.

    Attributes:
        channels: Samples per frame.
        sample_rate: Frames per second; None where only a decoder would tell.
        subtype: Sample format or codec, as libsndfile spells it.
        frames: How many; None where only a decoder would tell.
        sha256: Of the sound.
        info: The texts of its tags that are `SOFTWARE` and `COMMENT`, and others under any name.
        is_as_written: Whether container and tags are laid out as this program leaves them.
    """

    channels: int
    sample_rate: int | None
    subtype: str
    frames: int | None
    sha256: str
    info: Mapping[str, str]
    is_as_written: bool


def read_content(path: Path) -> TaggedContent:
    """Read a file once, in pieces, in whichever of the written formats it is.

    Raises:
        AudioFileError: It cannot be read, is in another format, or has no sound.
    """
    head = _head_of(path)
    try:
        if head.startswith(b"fLaC"):
            return _read_flac(path)
        if head.startswith(b"OggS"):
            return _read_ogg(path)
        if head[4:8] == b"ftyp":
            return _read_mp4(path)
        if head.startswith(b"ID3") or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2):
            return _read_mp3(path)
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be read: {error.strerror or error}.", hint="Check the file and its permissions."
        ) from error
    except (ValueError, LookupError, struct.error, soundfile.LibsndfileError) as error:
        raise AudioFileError(f"{path} is damaged: its parts do not fit together.", hint="Check the file.") from error
    return content_of_wav(read_wav(path))


def content_of_wav(wav: WavContent) -> TaggedContent:
    """Return what a WAV file holds."""
    is_as_written = wav.is_whole and wav.chunks in _WAV_LAYOUTS and set(wav.info) == {SOFTWARE, COMMENT}
    return TaggedContent(
        channels=wav.channels,
        sample_rate=wav.sample_rate,
        subtype=wav.subtype,
        frames=wav.frames,
        sha256=wav.data_sha256,
        info=wav.info,
        is_as_written=is_as_written,
    )


def _head_of(path: Path) -> bytes:
    try:
        if path.is_file():
            with path.open("rb") as file:
                return file.read(12)
    except (OSError, ValueError):
        pass
    return b""  # what is wrong is said by whoever reads it


# FLAC ------------------------------------------------------------------------------------------------------------


def _read_flac(path: Path) -> TaggedContent:
    kinds: list[int] = []
    comments = _Comments("", {})
    with path.open("rb") as file:
        file.seek(4)
        is_last = False
        while not is_last:
            head = int.from_bytes(_exactly(file, 4), "big")
            is_last, kind, size = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
            kinds.append(kind)
            if kind == 4:
                comments = _parse_comments(_exactly(file, size))
            else:
                file.seek(size, os.SEEK_CUR)
    digest, frames = hashlib.sha256(), 0
    with soundfile.SoundFile(path) as sound:
        width = _FLAC_WIDTHS.get(sound.subtype, 4)
        try:
            for block in sound.blocks(1 << 16, dtype="int32", always_2d=True):
                samples = np.ascontiguousarray(block, dtype="<i4").view(np.uint8).reshape(-1, 4)
                digest.update(samples[:, 4 - width :].tobytes())  # libsndfile puts them at the upper end
                frames += len(block)
        except soundfile.LibsndfileError:
            pass  # damaged: what could be decoded has another digest
        return TaggedContent(
            channels=sound.channels,
            sample_rate=sound.samplerate,
            subtype=sound.subtype,
            frames=frames,
            sha256=digest.hexdigest(),
            info=comments.info,
            is_as_written=kinds == [0, 4] and comments.is_as_written,
        )


# Ogg: Vorbis and Opus --------------------------------------------------------------------------------------------


def _read_ogg(path: Path) -> TaggedContent:
    digest = hashlib.sha256()
    comments = _Comments("", {})
    subtype = "OGG"
    with path.open("rb") as file:
        for number, packet in enumerate(_ogg_packets(file)):
            if number == 0:
                subtype = "OPUS" if packet.startswith(b"OpusHead") else "VORBIS"
            if number == 1:
                comments = _parse_comments(packet[8 if subtype == "OPUS" else 7 :])
                continue
            digest.update(struct.pack("<I", len(packet)))
            digest.update(packet)
    return TaggedContent(
        channels=1,
        sample_rate=None,
        subtype=subtype,
        frames=None,
        sha256=digest.hexdigest(),
        info=comments.info,
        is_as_written=comments.is_as_written,
    )


def _ogg_packets(file: BinaryIO) -> Iterator[bytes]:
    """Yield the packets of an Ogg file; they end where it is damaged."""
    packet = b""
    while len(head := file.read(27)) == 27 and head.startswith(b"OggS"):
        for size in (lacing := file.read(head[26])):
            packet += file.read(size)
            if size < 255:
                yield packet
                packet = b""
        if len(lacing) < head[26]:
            break
    if packet:
        yield packet


def seal_ogg(file: BinaryIO, place: int) -> None:
    """Set the checksum of the page that holds the byte at `place`, after a change there."""
    file.seek(0)
    start = 0
    while len(head := file.read(27)) == 27:
        lacing = file.read(head[26])
        body = file.read(sum(lacing))
        end = start + 27 + len(lacing) + len(body)
        if place < end:
            checksum = _ogg_checksum(head[:22] + bytes(4) + head[26:] + lacing + body)
            file.seek(start + 22)
            file.write(struct.pack("<I", checksum))
            return
        start = end


def _ogg_checksum(page: bytes) -> int:
    """Return the CRC-32 of Ogg (polynomial 0x04C11DB7, not reflected, from 0; RFC 3533)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


# MP3 -------------------------------------------------------------------------------------------------------------


def _read_mp3(path: Path) -> TaggedContent:
    """Digest the frames between the tags, without the first one where that describes the others (Xing, Info)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        start, frames, encoder = _read_id3(file)
        end = os.fstat(file.fileno()).st_size
        file.seek(max(end - 128, start))
        if file.read(3) == b"TAG":
            end -= 128
        file.seek(start)
        start += _described(file.read(2048))
        file.seek(start)
        while start < end and (block := file.read(min(_BLOCK_BYTES, end - start))):
            digest.update(block)
            start += len(block)
    info = {key: text for key, text in frames.items() if key not in ("TSSE", "COMM")}
    comment = frames.get("COMM", "")
    if comment:
        info[COMMENT] = comment
    return TaggedContent(
        channels=1,
        sample_rate=None,
        subtype="MPEG_LAYER_III",
        frames=None,
        sha256=digest.hexdigest(),
        info=_with_software(info),
        is_as_written=set(frames) == {"TSSE", "COMM"} and encoder.startswith("LAME"),
    )


def _read_id3(file: BinaryIO) -> tuple[int, dict[str, str], str]:
    """Return where the tag at the beginning ends, its texts by frame, and the encoder that it names."""
    head = file.read(10)
    if not head.startswith(b"ID3"):
        return 0, {}, ""
    version = head[3]
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    content = file.read(min(size, _MOST_TAG_BYTES))
    frames: dict[str, str] = {}
    position = 0
    while position + 10 <= len(content) and content[position : position + 4].isalnum():
        name = content[position : position + 4].decode("ascii")
        raw = content[position + 4 : position + 8]
        length = raw[0] << 21 | raw[1] << 14 | raw[2] << 7 | raw[3] if version == 4 else int.from_bytes(raw, "big")
        body = content[position + 10 : position + 10 + length]
        # Beside latin-1 texts, which are what is written, others only have to differ from them.
        text = body[1:].partition(b"\0")[2] if name == "COMM" and body[:1] == b"\0" else body[1:]
        frames[name] = text.rstrip(b"\0").decode("latin-1")
        position += 10 + length
    return 10 + size, frames, frames.get("TSSE", "")


def _described(start: bytes) -> int:
    """Return the length of a first frame that describes the others, 0 where there is none."""
    if len(start) < 200 or not any(start[place : place + 4] in (b"Xing", b"Info") for place in (13, 21, 36)):
        return 0
    version, rate, bitrate = start[1] >> 3 & 3, start[2] >> 2 & 3, start[2] >> 4
    if version == 1 or rate == 3 or bitrate in (0, 15):
        raise ValueError("no frame of MPEG audio")
    rates = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}[version]
    slow = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    fast = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    kilobits = (fast if version == 3 else slow)[bitrate]
    return (144_000 if version == 3 else 72_000) * kilobits // rates[rate] + (start[2] >> 1 & 1)


# MPEG-4 ----------------------------------------------------------------------------------------------------------


def _read_mp4(path: Path) -> TaggedContent:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in mp4_tags.media(file):
            digest.update(block)
        tags = mp4_tags.read_tags(file)
    names = {mp4_tags.SOFTWARE: SOFTWARE, mp4_tags.COMMENT: COMMENT}
    return TaggedContent(
        channels=1,
        sample_rate=None,
        subtype="AAC",
        frames=None,
        sha256=digest.hexdigest(),
        info={names.get(name, name.decode("latin-1")): text for name, text in tags.items()},
        is_as_written=set(tags) == {mp4_tags.SOFTWARE, mp4_tags.COMMENT},
    )


# Comments of Vorbis ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Comments:
    """What libsndfile writes as comments of FLAC and Ogg, and what others do."""

    vendor: str
    texts: Mapping[str, str]

    @property
    def info(self) -> dict[str, str]:
        names = {"SOFTWARE": SOFTWARE, "COMMENT": COMMENT}
        info = {names.get(key, key): text for key, text in self.texts.items() if key != "ENCODER"}
        if COMMENT not in info and "DESCRIPTION" in info:
            info[COMMENT] = info.pop("DESCRIPTION")  # where ffmpeg moves it
        if SOFTWARE not in info and self.texts.get("ENCODER", "").startswith("gpa-mlx "):
            info[SOFTWARE] = self.texts["ENCODER"]
        if SOFTWARE in info:
            info[SOFTWARE] = _LIBRARY.sub("", info[SOFTWARE])
        return info

    @property
    def is_as_written(self) -> bool:
        library = self.texts.get("SOFTWARE", self.texts.get("ENCODER", ""))
        is_ours = self.vendor.startswith(("reference libFLAC", "Xiph.Org libVorbis", "libopus"))
        return is_ours and set(self.texts) <= {"SOFTWARE", "COMMENT", "ENCODER"} and bool(_LIBRARY.search(library))


def _parse_comments(content: bytes) -> _Comments:
    """Read the vendor and the comments, `KEY=text` in UTF-8, the keys in any case; the first of a key counts."""
    position = 0

    def text() -> str:
        nonlocal position
        size = int.from_bytes(content[position : position + 4], "little")
        position += 4 + size
        if position > len(content):
            raise ValueError("comments are cut")
        return content[position - size : position].decode("utf-8", errors="replace")

    vendor = text()
    count = int.from_bytes(content[position : position + 4], "little")
    position += 4
    texts: dict[str, str] = {}
    for _ in range(min(count, 1000)):
        key, _, value = text().partition("=")
        texts.setdefault(key.upper(), value)
    return _Comments(vendor, texts)


def _with_software(info: dict[str, str]) -> dict[str, str]:
    """Name the software where the format has no place for it but the comment."""
    made_by = re.search(r" by (gpa-mlx \S+) \(", info.get(COMMENT, ""))
    return {SOFTWARE: made_by[1], **info} if made_by else info


def _exactly(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise ValueError("the file is cut")
    return content
