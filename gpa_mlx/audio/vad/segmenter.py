"""A recording of any length as pieces the model can take, cut online in bounded memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gpa_mlx.audio.recording import Recording
from gpa_mlx.audio.vad.cut_points import quietest_cut
from gpa_mlx.audio.vad.detector import PendingDecisions, VoiceActivityDetector
from gpa_mlx.errors import SettingsError
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAUSE_S = 1.0
"""Longer pauses are dropped."""

MARGIN_S = 0.2
"""Kept before and after speech."""

CUE_MARGIN_S = 0.1
"""By how much the times of a segment's speech are wider than what the detector found."""

MIN_TAIL_S = 0.1
"""No cut leaves less than this for the next segment."""

_MIN_DURATION_S = 0.5
_FRAME_SAMPLES = 320
_PIECE_S = 1.0
_LIVE_PIECE_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class AudioSegment:
    """A part of a recording that is transcribed or converted in one pass.

    Attributes:
        start_s: Where it begins in the recording, in seconds.
        end_s: Where it ends.
        recording: Its samples.
        speech_s: Where in the recording the speech in it begins and ends, up to 0.1 s of what is around it included;
            without a detector, and while the source is live, that is the segment itself.
    """

    start_s: float
    end_s: float
    recording: Recording
    speech_s: tuple[float, float]


def iter_segments(
    blocks: Iterable[Recording], *, max_duration_s: float = 30.0, vad: VoiceActivityDetector | None
) -> Iterator[AudioSegment]:
    """Cut a recording into segments, in order and without overlap.

    A recording of at most `max_duration_s` stays whole, untrimmed, if there is any speech in it. In a longer one every
    pause of more than 1 s is dropped, except for 0.2 s next to speech, and what is still too long is cut by
    `quietest_cut`. Neither the cuts nor the decisions depend on how the audio is divided into blocks.

    Args:
        blocks: The recording at 16 kHz, for instance a `RecordingReader`.
        max_duration_s: Longest segment, at least 0.5 s.
        vad: Decides what is speech; it is reset first. None takes everything for speech: nothing is dropped, the
            segments joined are the recording.

    Returns:
        The segments, as soon as they are complete.

    Raises:
        SettingsError: `max_duration_s` is too short.
    """
    segmenter = Segmenter(max_duration_s=max_duration_s, vad=vad)

    def run() -> Iterator[AudioSegment]:
        for block in blocks:
            yield from segmenter.push(block)
        yield from segmenter.flush()

    return run()


def split_quietly(segment: AudioSegment) -> list[AudioSegment]:
    """Cut a segment in two at a quiet place in its middle; one that is shorter than 1 s stays whole."""
    frames = len(segment.recording) // _FRAME_SAMPLES
    if segment.recording.duration_s < 2 * _MIN_DURATION_S:
        return [segment]
    samples = segment.recording.channel_mean[: frames * _FRAME_SAMPLES].reshape(frames, _FRAME_SAMPLES)
    edge = frames // 4
    powers = samples.var(axis=1)[edge : frames - edge]
    cut = (edge + quietest_cut(powers, frame_s=_FRAME_SAMPLES / SAMPLE_RATE_HZ)) * _FRAME_SAMPLES
    middle_s = segment.start_s + cut / SAMPLE_RATE_HZ
    return [
        AudioSegment(segment.start_s, middle_s, segment.recording[:cut], (segment.start_s, middle_s)),
        AudioSegment(middle_s, segment.end_s, segment.recording[cut:], (middle_s, segment.end_s)),
    ]


class Segmenter:
    """Cuts a recording while it comes in, in bounded memory; `iter_segments` says by which rules.

    It works on whole frames; only the end of the recording may lie inside one.

    Args:
        max_duration_s: Longest segment, at least 0.5 s.
        vad: Decides what is speech; it is reset first. None takes everything for speech. What it knows of
            frames it has not decided yet shows in `open_span`.
        is_live: Apply the rules for long recordings from the start, as nobody knows how long this one will be, and
            decide more often.

    Raises:
        SettingsError: `max_duration_s` is too short.
    """

    def __init__(self, *, max_duration_s: float, vad: VoiceActivityDetector | None, is_live: bool = False) -> None:
        if not max_duration_s >= _MIN_DURATION_S:
            raise SettingsError(
                f"Segments of at most {max_duration_s:g} s are too short.", hint=f"Allow at least {_MIN_DURATION_S} s."
            )
        if vad is not None:
            vad.reset()
        self._vad = vad
        self._max_samples = int(max_duration_s * SAMPLE_RATE_HZ)
        self._knows_speech = vad is not None and not is_live
        self._whole_samples = 0 if is_live else self._max_samples
        self._frame_samples = _FRAME_SAMPLES if vad is None else vad.frame_samples
        self._max_frames = self._max_samples // self._frame_samples
        self._pause_frames = self._frames(PAUSE_S)
        self._margin_frames = self._frames(MARGIN_S)
        # One more, because the last frame of a recording can be a single sample.
        self._tail_frames = self._frames(MIN_TAIL_S) + 1
        self._pieces = _Pieces(max(1, self._frames(_LIVE_PIECE_S if is_live else _PIECE_S)) * self._frame_samples)
        self._buffer = _Buffer(self._frame_samples)
        # Speech frames not yet handed out, and how many frames have been decided.
        self._speech: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._decided = 0
        # Where the open segment begins (None between segments), and where the last one ended.
        self._start: int | None = None
        self._cursor = 0

    @property
    def position_s(self) -> float:
        """Seconds of audio taken in so far."""
        return (self._buffer.samples + self._pieces.waiting) / SAMPLE_RATE_HZ

    @property
    def open_span(self) -> tuple[float, float] | None:
        """Start and end, in seconds, of the segment that is still growing; None when nobody speaks.

        It stops growing soon after the speech in it does, long before the pause is long enough to end it.
        """
        frames = self._open_frames()
        if frames is None:
            return None
        first, stop = (min(frame * self._frame_samples, self._buffer.samples) for frame in frames)
        return first / SAMPLE_RATE_HZ, stop / SAMPLE_RATE_HZ

    def open_audio(self) -> AudioSegment | None:
        """Return a copy of what `open_span` spans."""
        frames = self._open_frames()
        return None if frames is None else self._segment(*frames)

    def push(self, block: Recording) -> list[AudioSegment]:
        """Take the next block, of any length, and return the segments that are complete now."""
        return [segment for piece in self._pieces.push(block) for segment in self._take(piece)]

    def flush(self) -> list[AudioSegment]:
        """Return the remaining segments; the recording has ended."""
        rest = self._pieces.flush()
        segments = self._take(rest) if rest is not None else []
        self._finish()
        if self._buffer.samples > self._whole_samples:
            segments += self._advance(ended=True)
        elif len(self._speech):
            segments.append(self._segment(0, self._buffer.frames))
        return segments

    def _take(self, piece: Recording) -> list[AudioSegment]:
        self._buffer.append(piece)
        self._decide(self._detect(piece))
        return list(self._advance(ended=False)) if self._buffer.samples > self._whole_samples else []

    def _open_frames(self) -> tuple[int, int] | None:
        pending = PendingDecisions() if self._vad is None else self._vad.pending
        speech = np.concatenate([self._speech, np.flatnonzero(pending.certain) + self._decided])
        if not len(speech):
            return None
        start = self._start
        if start is None:
            start = max(self._cursor, int(speech[0]) - self._margin_frames)
        possible = np.concatenate([self._speech, np.flatnonzero(pending.possible) + self._decided])
        last, _ = self._first_run(possible[possible >= speech[0]], ended=False)
        end = last + 1 + self._margin_frames
        return start, min(end, start + self._max_frames, self._buffer.frames)

    def _frames(self, seconds: float) -> int:
        return round(seconds * SAMPLE_RATE_HZ / self._frame_samples)

    def _detect(self, piece: Recording) -> npt.NDArray[np.bool_]:
        whole = len(piece) // self._frame_samples
        if self._vad is None:
            return np.ones(whole, dtype=bool)
        return self._vad.push(piece.channel_mean[: whole * self._frame_samples].reshape(whole, self._frame_samples))

    def _finish(self) -> None:
        """Take the last decisions; an incomplete last frame follows the frame before it."""
        if self._vad is not None:
            self._decide(self._vad.flush())
        if self._decided < self._buffer.frames:
            goes_on = len(self._speech) > 0 and self._speech[-1] == self._decided - 1
            self._decide(np.array([self._vad is None or goes_on]))

    def _decide(self, mask: npt.NDArray[np.bool_]) -> None:
        self._speech = np.concatenate([self._speech, np.flatnonzero(mask) + self._decided])
        self._decided += len(mask)

    def _advance(self, *, ended: bool) -> Iterator[AudioSegment]:
        """Hand out every segment whose end is certain."""
        while len(self._speech):
            if self._start is None:
                self._start = max(self._cursor, int(self._speech[0]) - self._margin_frames)
            last, is_over = self._first_run(self._speech, ended=ended)
            if last + 1 - self._start > self._max_frames:
                yield self._cut(self._start, last + 1)
            elif is_over:
                yield self._close(self._start, last + 1)
            else:
                break
        keep = max(self._cursor, self._decided - self._margin_frames) if self._start is None else self._start
        self._buffer.forget(keep)

    def _first_run(self, speech: npt.NDArray[np.intp], *, ended: bool) -> tuple[int, bool]:
        """Return the last known frame of the first run of speech, and whether it is over."""
        pauses = np.flatnonzero(np.diff(speech) > self._pause_frames + 1)
        if len(pauses):
            return int(speech[pauses[0]]), True
        last = int(speech[-1])
        return last, ended or self._decided - 1 - last > self._pause_frames

    def _cut(self, start: int, speech_end: int) -> AudioSegment:
        """End the segment inside a run of speech that is too long; the next one begins there."""
        latest = min(start + self._max_frames, speech_end - self._tail_frames)
        powers = self._buffer.powers(start, latest)
        cut = start + quietest_cut(powers, frame_s=self._frame_samples / SAMPLE_RATE_HZ)
        segment = self._segment(start, cut)
        self._start = self._cursor = cut
        self._speech = self._speech[self._speech >= cut]
        return segment

    def _close(self, start: int, speech_end: int) -> AudioSegment:
        """End the segment after the last speech frame of a run."""
        end = min(speech_end + self._margin_frames, start + self._max_frames, self._buffer.frames)
        segment = self._segment(start, end)
        self._start, self._cursor = None, end
        self._speech = self._speech[self._speech >= end]
        return segment

    def _segment(self, start: int, end: int) -> AudioSegment:
        first = start * self._frame_samples
        stop = min(end * self._frame_samples, self._buffer.samples)
        span_s = first / SAMPLE_RATE_HZ, stop / SAMPLE_RATE_HZ
        return AudioSegment(*span_s, self._buffer.extract(first, stop), self._speech_in(start, end, span_s))

    def _speech_in(self, start: int, end: int, span_s: tuple[float, float]) -> tuple[float, float]:
        """Return where the speech between two frames begins and ends, in seconds, within a span."""
        speech = self._speech[(self._speech >= start) & (self._speech < end)]
        if not self._knows_speech or not len(speech):
            return span_s
        frame_s = self._frame_samples / SAMPLE_RATE_HZ
        first_s = int(speech[0]) * frame_s - CUE_MARGIN_S
        last_s = (int(speech[-1]) + 1) * frame_s + CUE_MARGIN_S
        return max(span_s[0], round(first_s, 6)), min(span_s[1], round(last_s, 6))


class _Buffer:
    """The recent part of a recording and the power of its frames; positions count from the recording's start."""

    def __init__(self, frame_samples: int) -> None:
        self._frame_samples = frame_samples
        self._pieces: deque[tuple[Recording, npt.NDArray[np.float64]]] = deque()
        self._first_frame = 0
        self.samples = 0
        """Samples seen so far."""

    @property
    def frames(self) -> int:
        """Frames seen so far, an incomplete last one included."""
        return -(-self.samples // self._frame_samples)

    def append(self, piece: Recording) -> None:
        """Add audio; only the last piece may end inside a frame."""
        whole = len(piece) // self._frame_samples * self._frame_samples
        # The variance and not the mean square: an offset of the recording is not sound.
        powers = piece.channel_mean[:whole].reshape(-1, self._frame_samples).var(axis=1)
        if whole < len(piece):
            powers = np.append(powers, piece.channel_mean[whole:].var())
        self._pieces.append((piece, powers))
        self.samples += len(piece)

    def powers(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return the mean-square power of the frames `start` to `stop`."""
        held = np.concatenate([powers for _, powers in self._pieces])
        return held[start - self._first_frame : stop - self._first_frame]

    def extract(self, first: int, stop: int) -> Recording:
        """Return a copy of the samples `first` to `stop`."""
        parts = []
        position = self._first_frame * self._frame_samples
        for piece, _ in self._pieces:
            if position < stop and first < position + len(piece):
                parts.append(piece[max(0, first - position) : stop - position])
            position += len(piece)
        return Recording.join(parts)

    def forget(self, frame: int) -> None:
        """Drop whole pieces before `frame`."""
        while self._pieces and self._first_frame + len(self._pieces[0][1]) <= frame:
            self._first_frame += len(self._pieces.popleft()[1])


class _Pieces:
    """Regroups blocks of any length into pieces of one length; the last may be shorter."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._parts: list[Recording] = []
        self.waiting = 0
        """Samples that no piece has had yet."""

    def push(self, block: Recording) -> Iterator[Recording]:
        """Take a block and yield the pieces that it completes."""
        rest = block
        while len(rest):
            part = rest[: self._samples - self.waiting]
            self._parts.append(part)
            self.waiting += len(part)
            rest = rest[len(part) :]
            if self.waiting == self._samples:
                yield self._joined()

    def flush(self) -> Recording | None:
        """Return what is left, None if that is nothing."""
        return self._joined() if self._parts else None

    def _joined(self) -> Recording:
        piece = Recording.join(self._parts)
        self._parts, self.waiting = [], 0
        return piece
