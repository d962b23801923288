"""The second decoder: `ffmpeg` for whatever libsndfile refuses or cannot finish, `afconvert` on a Mac without it.

ffmpeg hands samples and their time stamps through a pipe, so that nothing is kept in a file and a gap in the stamps
becomes silence of its length: a cue is where a player shows it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.files.expansion import expanded, longest_s, most_values
from gpa_mlx.audio.files.matroska_pcm import MatroskaPcm
from gpa_mlx.audio.files.media_tracks import Media, Track, parse_media
from gpa_mlx.audio.files.spliced_file import SplicedFile
from gpa_mlx.store.files import is_full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import FileIO

    from gpa_mlx.audio.files.audio_source import ChannelBlock

_NAMES = (
    "m4a m4b m4r m4v mp4 mov qt qta 3gp 3g2 3ga aac adts webm weba mkv mka avi divx wma wmv asf amr awb flv f4v f4a "
    "ac3 eac3 ec3 dts dtshd ape wv mpg mpeg m2p ts m2ts mts m2t vob tta tak mpc spx ogv ogx ogm gsm g722 g726 "
    "ra rm rmvb thd mlp latm loas nut mxf dv dsf dff oma sox"
)
FFMPEG_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Names of files that one of the programs may be able to decode."""

_STALL_S = 600.0
_PROBE_TIMEOUT_S = 60.0
_AFCONVERT_TIMEOUT_S = 3600.0
_WATCH_S = 0.2
_INT16_BYTES = 2
_MAX_COMPLAINT = 200
_READ_BYTES = 1 << 16
_SURE_SCORE = 25
"""Below this ffmpeg itself calls its guess of the format a retry; text and noise get there too."""

GAP_S = 0.1
"""Less than this between time stamps is rounding, more is a gap."""

_LONGEST_GAP_S = 600.0
"""More is no gap, and no late start either: another clock."""

# Containers of sound only: a playlist, which ffmpeg would follow to other files, is none of them.
_FFMPEG_DEMUXERS = (
    "mov,aac,matroska,avi,asf,amr,amrnb,amrwb,flv,live_flv,ac3,eac3,ape,wv,mpeg,mpegts,mp3,wav,w64,caf,aiff,au,"
    "ogg,flac,dts,dtshd,tta,tak,truehd,mlp,mpc,mpc8,gsm,g722,g723_1,g726,g726le,rm,ivr,loas,nut,mxf,gxf,dv,swf,"
    "dsf,iff,oma,sox,voc,nistsphere,ircam,spdif,sbc,xwma,act,aea,aa,pva,wtv,dss,ilbc,qcp,sds,pvf,ast,shn,mmf,"
    "smjpeg,nsv,nuv,vivo,dhav,aptx,wsaud,xa,avr,vqf,c2,codec2,bit,dsicin,film_cpk,ty,mgsts,ea,roq,alp,adx,"
    "brstm,bfstm,hca,apc,wve,paf,8svx"
)
_TIMELINES_FROM_ZERO = frozenset(("mov", "mp4", "matroska", "webm"))
"""Formats whose time begins at 0 by definition; in others the first stamp is where the clock happened to be."""


class DecoderError(Exception):
    """A program could not decode a file; the text says why, in its words."""


class NoSoundError(DecoderError):
    """There are pictures in the file, but no audio track."""


class NoSpaceError(DecoderError):
    """There was no room for a temporary file."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file for another program: its name, or an open one that has none.

    Attributes:
        path: The file, opened by its name; never by a shell, and over no network.
        descriptor: An open regular file to read instead.
        splice: What to read of it instead of the whole.
    """

    path: str
    descriptor: int | None = None
    splice: SplicedFile | None = None

    @property
    def name(self) -> str:
        """What the program opens."""
        if self.splice is not None:
            return "pipe:0"
        if self.descriptor is not None:
            return f"file:/dev/fd/{self.descriptor}"
        return f"file:{os.path.abspath(self.path)}"  # noqa: PTH100 - no option or protocol begins with a slash

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the program must inherit."""
        return () if self.descriptor is None or self.splice is not None else (self.descriptor,)


def has_ffmpeg() -> bool:
    """Return whether ffmpeg is there, which reads more than `afconvert` does."""
    return shutil.which("ffmpeg") is not None


def has_afconvert() -> bool:
    """Return whether `afconvert` is there, a part of macOS."""
    return shutil.which("afconvert") is not None


def probe(file: MediaFile) -> Media | None:
    """Return what is in a file; None when `ffprobe` is missing or cannot tell."""
    program = shutil.which("ffprobe")
    if program is None or file.splice is not None:
        return None
    command = [
        *(program, "-v", "error", *_safety()),
        *("-show_entries", "format=format_name,start_time,duration,probe_score"),
        *("-show_entries", "stream=index,codec_type,duration:stream_disposition:stream_tags=language,title"),
        *("-of", "json", file.name),
    ]
    try:
        result = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_TIMEOUT_S,
            pass_fds=file.descriptors,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_media(result.stdout)


class FfmpegDecoder:
    """Decodes one track of a file with ffmpeg, at its own rate, with all channels.

    Args:
        file: The file.
        track: Which; None means the first.
        media: What is in the file, if it is known.

    Raises:
        DecoderError: ffmpeg is missing, or cannot decode it.
    """

    def __init__(self, file: MediaFile, track: Track | None = None, media: Media | None = None) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            raise DecoderError("ffmpeg is not installed")
        if media is not None and media.score < _SURE_SCORE and file.splice is None:
            raise DecoderError("Invalid data found when processing input")
        self._origin_s = _origin_s(media)
        self._process = _Process(_command(program, file, track), file)
        self.complaint = ""
        try:
            self._stream = MatroskaPcm(self._process.read)
        except ValueError as error:
            complaint = self._process.finish() or "no samples"
            raise (NoSoundError if "matches no streams" in complaint else DecoderError)(complaint) from error
        except BaseException:
            self.close()
            raise
        self.rate_hz, self.channels = self._stream.format.rate_hz, self._stream.format.channels
        duration_s = (track.duration_s if track else None) or (media.duration_s if media else None)
        self.frames = None if duration_s is None else round(duration_s * self.rate_hz)

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield samples, with silence where the time stamps leave a gap.

        Stamps that go back, or far ahead, begin a new count: another file was joined on, or a clock was set. Nothing of
        it may be dropped.
        """
        position, offset_s = 0, None if self._origin_s is None else -self._origin_s
        waiting: list[ChannelBlock] = []
        frames = 0
        for block in self._stream.blocks():
            if offset_s is None:
                offset_s = -block.time_s
            lead_s = block.time_s + offset_s - position / self.rate_hz
            if lead_s < -GAP_S or lead_s > _LONGEST_GAP_S:
                offset_s -= lead_s
            elif lead_s > GAP_S:
                silence = round(lead_s * self.rate_hz)
                position += silence
                if waiting:
                    yield np.concatenate(waiting)
                    waiting, frames = [], 0
                while silence > 0:
                    part = min(silence, self.rate_hz)
                    yield np.zeros((part, self.channels))
                    silence -= part
            waiting.append(block.samples.astype(np.float64))
            position += len(block.samples)
            frames += len(block.samples)
            if frames * self.channels >= 1 << 14:
                yield np.concatenate(waiting)
                waiting, frames = [], 0
        if frames:
            yield np.concatenate(waiting)
        self.complaint = self._process.finish()

    def close(self) -> None:
        """End the program; idempotent."""
        self._process.close()


class _Process:
    """A program that writes to a pipe, and what it says meanwhile."""

    def __init__(self, command: Sequence[str], file: MediaFile) -> None:
        try:
            # Its own process group: Ctrl-C is for us, and we end it.
            self._process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                command,
                stdin=subprocess.DEVNULL if file.splice is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=file.descriptors,
                process_group=0,
            )
        except OSError as error:
            raise DecoderError(str(error.strerror or error)) from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._source = file.name
        self._said: deque[bytes] = deque(maxlen=64)
        self._buffer = bytearray()
        self._start = 0
        self._is_stalled = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._selector.register(self._process.stderr, selectors.EVENT_READ)
        self._feeder = None
        if file.splice is not None:
            self._feeder = threading.Thread(target=self._feed, args=(file.splice,), daemon=True)
            self._feeder.start()

    def read(self, count: int) -> bytes:
        """Return exactly so many bytes of standard output, fewer only at the end."""
        while len(self._buffer) - self._start < count and self._receive():
            pass
        content = bytes(self._buffer[self._start : self._start + count])
        self._start += len(content)
        if self._start > _READ_BYTES:
            del self._buffer[: self._start]
            self._start = 0
        return content

    def finish(self) -> str:
        """Wait for the end and return what the program complained of; empty when all went well."""
        while self._receive():
            self._buffer.clear()
            self._start = 0
        code = self._process.wait() if not self._is_stalled else -1
        self.close()
        said = _shortened(b"".join(self._said).decode(errors="replace").replace(f"{self._source}: ", ""))
        if self._is_stalled:
            return f"nothing for {_STALL_S:g} s"
        return said or (f"exit status {code}" if code else "")

    def close(self) -> None:
        """End the program."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if self._feeder is not None:
            self._feeder.join()

    def _receive(self) -> bool:
        """Take what there is; return whether more may come."""
        if not self._selector.get_map():
            return False
        ready = self._selector.select(_STALL_S)
        if not ready:
            self._is_stalled = True
            self.close()
            return False
        for key, _ in ready:
            content = os.read(key.fd, _READ_BYTES)
            if not content:
                self._selector.unregister(key.fileobj)
            elif key.fileobj is self._process.stdout:
                self._buffer += content
            else:
                self._said.append(content)
        return True

    def _feed(self, splice: SplicedFile) -> None:
        """Write what the program is to read, as fast as it takes it."""
        pipe = self._process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError), pipe:
            while content := splice.read(_READ_BYTES):
                view = memoryview(content)
                while view:
                    view = view[pipe.write(view) or 0 :]


def decode_with_afconvert(file: MediaFile, name: str, size: int) -> FileIO:
    """Decode the first track of a file to 16-bit samples with `afconvert`, which cannot write to a pipe.

    What it refuses goes through `avconvert` first, QuickTime's exporter, which writes the sound anew as AAC.

    Nothing is left behind: the decoded file has lost its name when this returns, and ends when it is closed.

    Args:
        file: The file.
        name: What messages call it.
        size: Its bytes.

    Returns:
        A sound file that libsndfile reads, open for reading; the caller closes it.

    Raises:
        DecoderError: It is not installed, or cannot decode the file.
        NoSpaceError: There was no room for the decoded file.
        AudioFileError: It decodes to more than a file of this size can hold.
    """
    program = shutil.which("afconvert")
    if program is None:
        raise DecoderError("afconvert is not installed")
    source = file.name.removeprefix("file:")
    try:
        with tempfile.TemporaryDirectory(prefix="gpa-mlx-") as folder:
            target = Path(folder, "decoded.caf")
            growth = _Growth(target, name, size)

            def decode(path: str) -> str | None:
                return _run([program, "-f", "caff", "-d", "LEI16", path, str(target)], file, growth.check)

            complaint = decode(source)
            if complaint is not None and (exporter := shutil.which("avconvert")) is not None:
                # QuickTime knows containers and codecs that Core Audio does not, such as many films of cameras.
                track = Path(folder, "track.m4a")
                command = [exporter, "--preset", "PresetAppleM4A", "--source", source, "--output", str(track)]
                refusal = _run(command, file, _Growth(track, name, size).check)
                if refusal is None and track.is_file():
                    complaint = decode(str(track))
                else:
                    complaint = f"{complaint}; avconvert says: {refusal or 'nothing, but it wrote no file'}"
            if complaint is None and target.is_file():
                return target.open("rb", buffering=0)
            if growth.was_full:
                raise NoSpaceError(f"{tempfile.gettempdir()} is full")
            raise DecoderError(complaint or "nothing, but it wrote no file")
    except OSError as error:
        raise NoSpaceError(f"{tempfile.gettempdir()}: {error.strerror or error}") from error


class _Growth:
    """Watches a file that another program writes."""

    def __init__(self, target: Path, name: str, size: int) -> None:
        self._target, self._name, self._size = target, name, size
        self.was_full = False

    def check(self) -> None:
        """Look at the file and the disk.

        Raises:
            AudioFileError: The file has become larger than what was decoded can be.
        """
        # A program that fails may remove what it wrote, and the disk has room again.
        self.was_full = self.was_full or is_full(self._target.parent)
        values = self._target.stat().st_size // _INT16_BYTES if self._target.is_file() else 0
        if values > most_values(self._size):
            raise expanded(self._name, self._size, longest_s(self._size))


def spool(handle: FileIO, name: str) -> FileIO:
    """Copy what can be read only once (a pipe, a device) to a temporary file without a name.

    Raises:
        NoSpaceError: It cannot be kept.
    """
    kept = None
    try:
        kept = tempfile.TemporaryFile(prefix="gpa-mlx-", buffering=0)  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(handle, _Whole(kept), _READ_BYTES)
    except OSError as error:
        if kept is not None:
            kept.close()
        raise NoSpaceError(f"{name} cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}") from error
    except BaseException:
        if kept is not None:
            kept.close()
        raise
    return kept


class _Whole:
    """Writes everything: one call to the system may write a part."""

    def __init__(self, file: object) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        rest = memoryview(content)
        while rest:
            written = os.write(self._file.fileno(), rest)  # type: ignore[attr-defined]
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest = rest[written:]
        return len(content)


def _safety() -> tuple[str, ...]:
    return ("-protocol_whitelist", "file,pipe", "-format_whitelist", _FFMPEG_DEMUXERS)


def _origin_s(media: Media | None) -> float | None:
    """Return which time stamp is the start of the recording; None for that of the first sample."""
    if media is None:
        return None
    if media.format_names & _TIMELINES_FROM_ZERO and 0 <= media.start_s <= _LONGEST_GAP_S:
        return 0.0
    return media.start_s


def _command(program: str, file: MediaFile, track: Track | None) -> list[str]:
    return [
        # -copyts: stamps as the file has them, so that the start is that of all streams, and gaps stay what they are.
        *(program, "-nostdin", "-hide_banner", "-loglevel", "repeat+error", *_safety(), "-copyts"),
        *("-i", file.name, "-map", f"0:{track.index}" if track else "0:a:0", "-vn", "-sn", "-dn"),
        *("-c:a", "pcm_f32le", "-map_metadata", "-1", "-map_chapters", "-1", "-f", "matroska", "pipe:1"),
    ]


def _run(command: list[str], file: MediaFile, check: Callable[[], None]) -> str | None:
    """Run a program to its end and return its complaint; None means that it went well.

    `check` is called now and then, and at the end; what it raises ends the program.
    """
    ends_s = time.monotonic() + _AFCONVERT_TIMEOUT_S
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=file.descriptors,
        )
    except OSError as error:
        return str(error.strerror or error)
    with process:
        try:
            while True:
                try:
                    _, complaint = process.communicate(timeout=min(_WATCH_S, max(0.0, ends_s - time.monotonic())))
                    break
                except subprocess.TimeoutExpired:
                    check()
                    if time.monotonic() >= ends_s:
                        return f"nothing, it did not finish within {_AFCONVERT_TIMEOUT_S:g} s"
            check()
        finally:
            process.kill()  # of one that has ended it does nothing
    if process.returncode:
        return _shortened(complaint.decode(errors="replace")) or f"exit status {process.returncode}"
    return None


def _shortened(output: str) -> str:
    """Return the last line, which says what everything failed of, at a length that fits into a message."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and "To ignore this" not in line]
    if not lines:
        return ""
    # Without the part of ffmpeg that says it, and its address.
    last = re.sub(r"^(\[[^\]]* @ 0x[0-9a-f]+\] )+", "", lines[-1])
    last = "".join(character for character in last if character.isprintable()).rstrip(".!")
    return last if len(last) <= _MAX_COMPLAINT else last[: _MAX_COMPLAINT - 1] + "…"
