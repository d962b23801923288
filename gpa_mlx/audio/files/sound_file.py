"""Sound files: libsndfile decodes what it can, and ffmpeg or afconvert whatever it refuses or does not finish.

Three things are not believed: a length that a header states, an end that libsndfile reports while the file goes on, and
its word that a file is damaged. A file is damaged when neither decoder can make anything of it.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.audio.files import ffmpeg
from gpa_mlx.audio.files.audio_source import ChannelBlock, checked_rate, frames_per_block, no_samples
from gpa_mlx.audio.files.container import Container, examine, search
from gpa_mlx.audio.files.existing import address_error, missing
from gpa_mlx.audio.files.expansion import ExpansionLimit
from gpa_mlx.audio.files.ffmpeg import DecoderError, FfmpegDecoder, MediaFile, NoSoundError, NoSpaceError
from gpa_mlx.audio.files.joining import FormatAdapter
from gpa_mlx.audio.files.libsndfile import BrokenStreamError, SampleStream, open_stream
from gpa_mlx.audio.files.spliced_file import SplicedFile
from gpa_mlx.audio.files.track_choice import choose_track
from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from io import FileIO

    from gpa_mlx.audio.files.media_tracks import Media, Track

logger = logging.getLogger(__name__)

_TOLERANCE_S = 0.1
_MOST_PLACES = 5
_MPEG_TOLERANCE_FRAMES = 4096
"""The decoder takes away what the encoder put before and behind the sound."""

_WAV_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)$", re.MULTILINE)
_STREAMED_BYTES = 0x7FFF_0000

_NAMES = (
    "wav wave bwf w64 rf64 flac ogg oga opus mp3 mp2 mpga aif aiff aifc caf au snd voc sph nist sf ircam 8svx iff svx "
    "paf"
)
NATIVE_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Usual names of files that libsndfile reads."""


class FileSource:
    """A file in any format that libsndfile or a program of the system reads; also a pipe, which is kept in a file.

    Args:
        path: The file.
        track: Which of its audio tracks, from 1; None chooses the default one, or one with speech.
        name: What messages call it; None means its path.

    Raises:
        AudioFileError: Missing, unreadable, empty, not audio, in a format nothing here reads, without samples or
            without that track, or at a rate outside 1 to 768 kHz.
    """

    def __init__(self, path: str | os.PathLike[str], track: int | None = None, *, name: str | None = None) -> None:
        self.name = name or os.fspath(path)
        self._handle, spooled = _open_binary(os.fspath(path), self.name)
        self._media_file = MediaFile(os.fspath(path), self._handle.fileno() if spooled else None)
        self._stream: SampleStream | None = None
        self._decoder: FfmpegDecoder | None = None
        self._decoded: FileIO | None = None
        self._container = Container("", None, is_sized=False, is_text=False)
        try:
            self._open(track)
            first = self._stream or self._decoder
            assert first is not None
            self.rate_hz: int = checked_rate(first.rate_hz, self.name)
            self.channels: int = first.channels
            self.frames = self._announced(first.frames)
        except BaseException:
            self.close()
            raise
        if self.frames == 0 and self._decoder is None:
            self.close()
            raise no_samples(self.name)

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield the samples; a file that ends early or breaks in the middle is used as far as it goes.

        Raises:
            AudioFileError: Not a single sample can be decoded, or more than a file of this size can hold.
        """
        decoded = 0
        limit = ExpansionLimit(self.name, os.fstat(self._handle.fileno()).st_size, self.rate_hz, self.channels)
        for block in self._all_blocks():
            limit.count(block.size)
            if len(block):
                decoded += len(block)
                yield block
        if not decoded:
            raise _damaged(self.name)
        layout = self._container.layout
        if layout is not None and layout.is_unended:
            logger.warning("%s has no end mark: it may be cut off after %.1f s.", self.name, decoded / self.rate_hz)

    def close(self) -> None:
        """Close the file."""
        for open_one in (self._stream, self._decoder, self._decoded, self._handle):
            if open_one is not None:
                open_one.close()

    # -- opening ------------------------------------------------------------------------------------------------------

    def _open(self, track: int | None) -> None:
        self._container = examine(self._handle.fileno(), self.name)
        broken: BrokenStreamError | None = None
        layout = self._container.layout
        prefers_ffmpeg = self._container.prefers_ffmpeg and ffmpeg.has_ffmpeg()
        if (track is None or track == 1) and not prefers_ffmpeg:
            try:
                self._stream = open_stream(self._handle.fileno(), layout, 0)
            except BrokenStreamError as error:
                broken = error
            else:
                return
        try:
            self._open_foreign(track)
        except DecoderError as error:
            if prefers_ffmpeg or (not self._container.kind and not self._container.is_text):
                if not prefers_ffmpeg:
                    self._container = self._container._replace(layout=search(self._handle.fileno()))
                if self._open_last_resort(whole=prefers_ffmpeg):
                    return
            raise self._refusal(broken, error) from error

    def _open_last_resort(self, *, whole: bool) -> bool:
        if self._container.layout is None and not whole:
            return False
        try:
            self._stream = open_stream(self._handle.fileno(), self._container.layout, 0)
        except BrokenStreamError:
            return False
        return True

    def _open_foreign(self, track: int | None) -> None:
        """Open it with another program.

        Raises:
            DecoderError: None is there that can decode it.
        """
        if self._is_no_recording():
            raise DecoderError("it is text")
        complaints = []
        if ffmpeg.has_ffmpeg():
            try:
                self._open_with_ffmpeg(track)
            except NoSoundError:
                raise
            except DecoderError as error:
                complaints.append(f"ffmpeg says: {error}")
            else:
                return
        if ffmpeg.has_afconvert():
            if track is not None and track != 1:
                raise DecoderError("afconvert cannot choose a track, and ffmpeg, which can, is not installed")
            try:
                size = os.fstat(self._handle.fileno()).st_size
                self._decoded = ffmpeg.decode_with_afconvert(self._media_file, self.name, size)
                self._stream = _opened(self._decoded)
            except NoSpaceError:
                raise
            except DecoderError as error:
                complaints.append(f"afconvert says: {error}")
            else:
                self._container = Container("CAF", None, is_sized=True, is_text=False)
                return
        raise DecoderError("; ".join(complaints))

    def _open_with_ffmpeg(self, track: int | None) -> None:
        media = ffmpeg.probe(self._media_file)
        if media is not None and not media.tracks:
            raise NoSoundError("no audio track") if media.has_video else DecoderError("there is no sound in it")
        self._decoder = FfmpegDecoder(self._media_file, self._chosen(media, track), media)

    def _is_no_recording(self) -> bool:
        """Return whether it is text, by content and by name."""
        is_foreign = Path(self.name).suffix.lower() in ffmpeg.FFMPEG_SUFFIXES
        return self._container.is_text and not self._container.kind and not is_foreign

    def _chosen(self, media: Media | None, number: int | None) -> Track | None:
        if media is None:
            return None
        if number is not None:
            if number > len(media.tracks):
                raise _no_track(self.name, number, media.tracks)
            return media.tracks[number - 1]
        if len(media.tracks) == 1:
            return media.tracks[0]
        chosen, has_speech = choose_track(self._media_file, media)
        listed = ", ".join(track.describe() for track in media.tracks)
        reason = "" if has_speech is None else ", the first with speech" if has_speech else ": no speech in any"
        logger.warning(
            "%s has %d audio tracks: %s. Track %d is read%s; --track N of transcribe, vc, voices add and tokenize "
            "reads another.",
            self.name,
            len(media.tracks),
            listed,
            chosen.number,
            reason,
        )
        return chosen

    def _refusal(self, broken: BrokenStreamError | None, error: DecoderError) -> AudioFileError:
        """Return what to say of a file that neither decoder reads."""
        if isinstance(error, NoSpaceError):
            return _no_space(error)
        if isinstance(error, NoSoundError):
            return AudioFileError(
                f"{self.name} has no sound: it is a video without an audio track.",
                hint="Give the file with the sound, or a video that has it.",
            )
        is_foreign = Path(self.name).suffix.lower() in ffmpeg.FFMPEG_SUFFIXES
        if not self._container.kind and (not is_foreign or self._is_no_recording()):
            return AudioFileError(
                f"{self.name} is not an audio file, or in a format that cannot be read.",
                hint="WAV, FLAC, Ogg, Opus, MP3, AIFF and CAF can be read; with ffmpeg M4A, MP4, WMA and many more.",
            )
        if not (ffmpeg.has_ffmpeg() or ffmpeg.has_afconvert()):
            is_native = broken is not None and broken.is_recognised
            return AudioFileError(
                f"{self.name} is {'damaged, or ' if is_native else ''}in a format that only `afconvert` (macOS) or "
                "`ffmpeg` can decode, and neither is installed.",
                hint="Install ffmpeg: `brew install ffmpeg` on macOS, `apt install ffmpeg` on Debian and Ubuntu.",
            )
        return AudioFileError(
            f"{self.name} is damaged or cut off: no sample of it can be decoded ({error})."
            if self._container.kind
            else f"{self.name} cannot be decoded; {error}.",
            hint="Check that it plays; copy or download it again."
            if ffmpeg.has_ffmpeg()
            else "ffmpeg reads more formats: `brew install ffmpeg`.",
        )

    def _announced(self, frames: int | None) -> int | None:
        """Return the length of everything, as far as it is known before it is read."""
        layout = self._container.layout
        if layout is None or self._stream is None or len(layout.links) == 1:
            return frames
        known = [link.frames for link in layout.links]
        return None if None in known else sum(count for count in known if count is not None)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _all_blocks(self) -> Iterator[ChannelBlock]:
        if self._decoder is not None:
            yield from self._foreign_blocks(self._decoder, skip=0)
            return
        layout = self._container.layout
        count = len(layout.links) if layout is not None else 1
        decoded = yield from self._stream_blocks(0)
        for number in range(1, count):
            self._close_stream()
            try:
                self._stream = open_stream(self._handle.fileno(), layout, number)
            except BrokenStreamError:
                decoded += yield from self._rest(number, skip=0, after_s=decoded / self.rate_hz)
                continue
            decoded += yield from self._stream_blocks(number)
        if layout is not None and layout.damaged_s:
            places = ", ".join(f"{place_s:.1f}" for place_s in layout.damaged_s[:_MOST_PLACES])
            more = f" and {len(layout.damaged_s) - _MOST_PLACES} more" if len(layout.damaged_s) > _MOST_PLACES else ""
            logger.warning("%s is damaged at %s s%s; a little may be missing there.", self.name, places, more)
        if layout is not None and layout.promised_s is not None:
            self._warn_cut_off(decoded / self.rate_hz, layout.promised_s)

    def _close_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _stream_blocks(self, number: int) -> Generator[ChannelBlock, None, int]:
        """Yield one stream in the format of the first one, and return how many frames of it there were."""
        stream = self._stream
        assert stream is not None
        adapter = self._adapter(stream.rate_hz, stream.channels)
        block_frames = frames_per_block(stream.channels)
        promised = _promised_frames(stream)
        read, is_broken = 0, False
        while True:
            try:
                block = stream.read(block_frames)
            except BrokenStreamError:
                is_broken = True
                break
            if not len(block):
                break
            read += len(block)
            yield adapter.push(block)
        yield adapter.flush()
        missing = 0 if promised is None else promised - read
        is_mpeg = self._container.layout is not None and self._container.layout.is_mpeg
        is_short = missing > (_MPEG_TOLERANCE_FRAMES if is_mpeg else _TOLERANCE_S * stream.rate_hz)
        if (is_broken or is_short) and not (self._container.is_sized and not is_broken):
            return read + (
                yield from self._rest(
                    number, skip=read, after_s=read / stream.rate_hz, promised=promised, is_broken=is_broken
                )
            )
        if is_short and promised is not None and read:
            self._warn_cut_off(read / stream.rate_hz, promised / stream.rate_hz)
        return read

    def _rest(
        self, number: int, *, skip: int, after_s: float, promised: int | None = None, is_broken: bool = True
    ) -> Generator[ChannelBlock, None, int]:
        """Yield what ffmpeg can read of a stream behind its first `skip` frames."""
        self._close_stream()
        layout, file = self._container.layout, self._media_file
        if layout is not None:
            file = replace(file, splice=SplicedFile(self._handle.fileno(), layout.links[number].pieces))
        gained = 0
        try:
            self._decoder = FfmpegDecoder(file)
            for block in self._foreign_blocks(self._decoder, skip=skip, is_quiet=True):
                gained += len(block)
                yield block
        except DecoderError as error:
            logger.debug("%s: %s", self.name, error)
        tolerance = _TOLERANCE_S * self.rate_hz
        if gained > tolerance and promised is not None and promised - skip - gained > tolerance:
            self._warn_cut_off((skip + gained) / self.rate_hz, promised / self.rate_hz)
        elif gained > tolerance:
            logger.warning(
                "%s is damaged after %.1f s; what follows could be read, but a little may be missing there.",
                self.name,
                after_s,
            )
        elif promised is not None and skip and not is_broken:
            self._warn_cut_off(skip / self.rate_hz, promised / self.rate_hz)
        elif skip or after_s:
            more = "" if ffmpeg.has_ffmpeg() else "; ffmpeg, which may read more of it, is not installed"
            promised_s = "" if promised is None else f" of {promised / self.rate_hz:.1f} s"
            logger.warning("%s is damaged after %.1f s%s; the rest is lost%s.", self.name, after_s, promised_s, more)
        return gained

    def _foreign_blocks(
        self, decoder: FfmpegDecoder, *, skip: int, is_quiet: bool = False
    ) -> Generator[ChannelBlock, None, None]:
        adapter = self._adapter(decoder.rate_hz, decoder.channels)
        read = 0
        for block in decoder.blocks():
            begin, read = max(0, skip - read), read + len(block)
            if begin < len(block):
                yield adapter.push(block[begin:])
        yield adapter.flush()
        if is_quiet:
            return
        if decoder.complaint:
            logger.warning("%s may not be read completely; ffmpeg says: %s.", self.name, decoder.complaint)

    def _adapter(self, rate_hz: int, channels: int) -> FormatAdapter:
        return FormatAdapter(rate_hz, channels, to_rate_hz=self.rate_hz, to_channels=self.channels)

    def _warn_cut_off(self, read_s: float, promised_s: float) -> None:
        logger.warning("%s is cut off: %.1f of %.1f s could be read.", self.name, read_s, promised_s)


def announced_duration_s(path: str | os.PathLike[str]) -> float | None:
    """Return the length of a file as far as it can be known without decoding anything.

    Args:
        path: The file; what is no regular file is not touched, because it can be read only once.

    Returns:
        Seconds; None when nothing tells.
    """
    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb", buffering=0) as handle:
            name = os.fspath(path)
            container = examine(handle.fileno(), name)
            layout = container.layout
            if layout is not None and layout.is_mpeg:
                return layout.duration_s
            try:
                stream = open_stream(handle.fileno(), layout, 0)
            except BrokenStreamError:
                media = None if container.is_text else ffmpeg.probe(MediaFile(name))
                return media.duration_s if media is not None and media.tracks else None
            stream.close()
            if layout is not None and len(layout.links) > 1:
                return None
            return stream.frames / stream.rate_hz if stream.frames else None
    except (OSError, ValueError):
        return None


def _opened(handle: FileIO) -> SampleStream:
    try:
        return open_stream(handle.fileno(), None, 0)
    except BrokenStreamError as error:
        raise DecoderError("nothing, but what it wrote cannot be read") from error


def _promised_frames(stream: SampleStream) -> int | None:
    """Return how many frames the header promises.

    libsndfile corrects the count of a truncated WAV file silently; only its log tells. Programs that write to a
    pipe leave a maximal size there, which promises nothing.
    """
    match = _WAV_DATA.search(stream.log)
    if stream.frames is None or match is None:
        return stream.frames
    promised_bytes, present_bytes = int(match[1]), int(match[2])
    if promised_bytes >= _STREAMED_BYTES or present_bytes == 0:
        return stream.frames
    return stream.frames * promised_bytes // present_bytes


def _open_binary(name: str, label: str) -> tuple[FileIO, bool]:
    """Open a file; what can be read only once is copied to a temporary one first, which the second value says."""
    path = Path(name)
    try:
        handle = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise (address_error(name) or missing(path)) from error
    except IsADirectoryError as error:
        raise AudioFileError(f"{path} is a directory.", hint="Give an audio file.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"{path} cannot be read: {reason}.", hint="Check the file and its permissions.") from error
    is_regular = stat.S_ISREG(os.fstat(handle.fileno()).st_mode)
    if not is_regular:
        try:
            with handle:
                handle = ffmpeg.spool(handle, label)
        except NoSpaceError as error:
            raise _no_space(error) from error
    if os.fstat(handle.fileno()).st_size == 0:
        handle.close()
        raise AudioFileError(f"{label} is empty.", hint="Record or download it again.")
    return handle, not is_regular


def _no_space(error: NoSpaceError) -> AudioFileError:
    return AudioFileError(
        f"{error}.", hint="Free some space there, or set TMPDIR to a folder with more; the recording may be fine."
    )


def _no_track(name: str, number: int, tracks: tuple[Track, ...]) -> AudioFileError:
    count = f"{len(tracks)} audio track{'s' if len(tracks) > 1 else ''}"
    return AudioFileError(
        f"{name} has {count}: {', '.join(track.describe() for track in tracks)}; there is no track {number}.",
        hint="Give the number of one of them, counted from 1.",
    )


def _damaged(name: str) -> AudioFileError:
    return AudioFileError(
        f"{name} is damaged or cut off: no sample of it can be decoded.", hint="Check that it plays; copy it again."
    )
