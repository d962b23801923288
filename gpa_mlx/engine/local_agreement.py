"""LocalAgreement-2 for live transcription: when to decode an open segment, and which words of a pass to confirm.

The segment that is still growing is decoded again and again, each time from its start. Words that two passes in a row
agree on are confirmed (Liu, Spanakis and Niehues, arXiv 2005.11185; for Whisper: Machacek, Dabre and Bojar, arXiv
2307.14743). When the segment has ended it is decoded once more, as a recording is, and only that counts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from gpa_mlx.audio.recording import MIN_SAMPLES, Recording
from gpa_mlx.audio.vad.segmenter import AudioSegment, Segmenter
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.runtime.turns import turn_wanted
from gpa_mlx.text.cjk import CJK
from gpa_mlx.types import LiveChunk, LiveStream, Samples, Segment

# Of audio that was in no pass yet, before the open segment is decoded again.
_LEAST_NEW_S = 0.4
# Passes over open segments take at most this share of the time.
_SHARE = 0.5
# A Chinese character or a word, with the blanks in front of it.
_UNIT = re.compile(rf"\s*(?:[{CJK}]|[^\s{CJK}]+)")


class LiveDecoder(Protocol):
    """Decodes the segments of one live source."""

    def decode_open(self, segment: AudioSegment) -> str:
        """Return the words so far of the segment that is still growing."""
        ...

    def decode(self, segment: AudioSegment) -> Segment:
        """Return a segment that has ended, decoded as `transcribe` does; what comes next is another segment."""
        ...


class LocalAgreement:
    """What decoding passes over one growing segment agree on, in words or Chinese characters."""

    def __init__(self) -> None:
        self._confirmed: list[str] = []
        self._rest: list[str] = []

    @property
    def confirmed(self) -> str:
        """What two passes in a row agreed on; it only grows."""
        return "".join(self._confirmed).strip()

    @property
    def unconfirmed(self) -> str:
        """What the last pass has after it, with the blank between the two."""
        rest = "".join(self._rest)
        return rest if self._confirmed else rest.lstrip()

    def push(self, text: str) -> None:
        """Take the text of the next pass over all of the segment so far."""
        units = _UNIT.findall(text)
        rest = units[_end_of(self._confirmed, units) :]
        agreed = 0
        for old, new in zip(self._rest, rest, strict=False):
            if old.strip() != new.strip():
                break
            agreed += 1
        self._confirmed += rest[:agreed]
        self._rest = rest[agreed:]


class DecodeThrottle:
    """Spaces decoding passes so that they take half of the time at most, however long the segment has become."""

    def __init__(self) -> None:
        self._took_s = 0.0
        self._length_s = 1.0
        self._decoded_end_s = 0.0

    def is_due(self, span_s: tuple[float, float]) -> bool:
        """Return whether the open segment from `span_s[0]` to `span_s[1]` has grown enough to be decoded again."""
        start_s, end_s = span_s
        # Never more than the last one took: one that was slow by chance must not put off the next for long.
        expected_s = self._took_s * min(1.0, (end_s - start_s) / self._length_s)
        return end_s - max(start_s, self._decoded_end_s) >= max(_LEAST_NEW_S, expected_s / _SHARE)

    def decoded(self, segment: AudioSegment, took_s: float) -> None:
        """Note how many seconds a pass over a segment took, be it open or ended."""
        self._took_s = took_s
        self._length_s = segment.end_s - segment.start_s
        self._decoded_end_s = segment.end_s


def follow(blocks: Iterable[Samples], segmenter: Segmenter, decoder: LiveDecoder) -> LiveStream:
    """Yield what is known of a live source whenever that changes, and every segment when it has ended.

    A pass over an open segment begins only when it has grown by at least 0.4 s and nothing says that it is about to
    end. Meanwhile blocks wait in the source, which should hand out all it has at once.

    Args:
        blocks: 16 kHz mono float64 of any length, as soon as it is there; an empty one says that there is nothing new.
        segmenter: Cuts the source.
        decoder: Decodes its segments.

    Raises:
        CancelledError: A surrounding `cancellable` scope is cancelled.
    """
    agreement, throttle = LocalAgreement(), DecodeThrottle()
    shown = ("", "")

    def ended(segments: Iterable[AudioSegment]) -> LiveStream:
        nonlocal agreement, shown
        for segment in segments:
            if len(segment.recording) < MIN_SAMPLES:
                continue
            check_cancelled()
            started = time.perf_counter()
            transcribed = decoder.decode(segment)
            throttle.decoded(segment, time.perf_counter() - started)
            agreement, shown = LocalAgreement(), ("", "")
            yield LiveChunk(heard_s=segmenter.position_s, segment=transcribed)

    for block in blocks:
        check_cancelled()
        samples = np.asarray(block, dtype=np.float64)  # callers in Python also give float32
        yield from ended(segmenter.push(Recording(samples, samples)))
        span_s = segmenter.open_span
        if span_s is not None and throttle.is_due(span_s):
            segment = segmenter.open_audio()
            assert segment is not None
            check_cancelled()
            started = time.perf_counter()
            agreement.push(decoder.decode_open(segment))
            throttle.decoded(segment, time.perf_counter() - started)
        # What is known may be said again, to let others have the thread meanwhile.
        if (agreement.confirmed, agreement.unconfirmed) != shown or turn_wanted():
            shown = (agreement.confirmed, agreement.unconfirmed)
            start_s = None if span_s is None else span_s[0]
            yield LiveChunk(confirmed=shown[0], unconfirmed=shown[1], start_s=start_s, heard_s=segmenter.position_s)
    yield from ended(segmenter.flush())


def _end_of(confirmed: Sequence[str], units: Sequence[str]) -> int:
    """Return where in a new pass the confirmed part ends: after the beginning that differs least from it."""
    words = [unit.strip() for unit in units]
    costs = list(range(len(words) + 1))
    for number, word in enumerate((unit.strip() for unit in confirmed), start=1):
        above, costs = costs, [number]
        for index, other in enumerate(words):
            costs.append(min(above[index] + (word != other), above[index + 1] + 1, costs[-1] + 1))
    return min(range(len(costs)), key=lambda end: (costs[end], abs(end - len(confirmed))))
