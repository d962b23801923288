"""The channels of one recording, such as the two sides of a call, transcribed apart and told in the order of time."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.errors import AudioFileError
from gpa_mlx.types import AudioFile, EmptyReason, FinishReason, Timings, TranscriptionChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpa_mlx.types import TranscriptionStream

OpenChannel: TypeAlias = "Callable[[int], TranscriptionStream]"
"""Begins to transcribe one channel, counted from 0."""

_SIDES = ("left", "right")
_SEVERITY: tuple[FinishReason, ...] = ("no_speech", "stop", "length", "loop", "cancelled")
_TELLING: tuple[EmptyReason, ...] = (
    "no_words", "no_speech", "only_noise", "too_quiet", "too_short", "other_channel", "silent",
)  # fmt: skip


def channel_labels(count: int) -> tuple[str, ...]:
    """Return what the channels of a recording are called: two are left and right, more are numbered from 1."""
    return _SIDES if count == len(_SIDES) else tuple(f"channel {number}" for number in range(1, count + 1))


def count_channels(audio: str | os.PathLike[str]) -> int:
    """Return how many channels a recording has.

    Raises:
        AudioFileError: It cannot be read.
    """
    with open_recording(audio) as reader:
        return reader.channels


@contextmanager
def readable_again(audio: Path | AudioFile) -> Iterator[Path | AudioFile]:
    """Keep what can be read only once, such as a pipe, in a private file while the block runs.

    Raises:
        AudioFileError: It cannot be kept.
    """
    if not os.path.exists(audio) or os.path.isfile(audio):  # noqa: PTH110, PTH113 - an `AudioFile` is no `Path`
        yield audio
        return
    with tempfile.NamedTemporaryFile(prefix="gpa-mlx-") as spool:
        try:
            with open(audio, "rb") as source:  # noqa: PTH123
                shutil.copyfileobj(source, spool)
            spool.flush()
        except OSError as error:
            raise AudioFileError(
                f"{os.fspath(audio)} cannot be kept in a file: {error.strerror or error}.",
                hint="Save it to a file, and name that.",
            ) from error
        kept = audio if isinstance(audio, AudioFile) else AudioFile(os.fspath(audio))
        yield replace(kept, path=spool.name, name=kept.name or os.fspath(audio))


def stream_channels(labels: Sequence[str], open_channel: OpenChannel) -> TranscriptionStream:
    """Transcribe channels side by side: the one that is furthest behind goes on, segment by segment.

    Args:
        labels: What the channels are called.
        open_channel: Begins one of them.

    Returns:
        The chunks of all of them, each with its channel; the last one sums up.
    """
    with ExitStack() as cleanup:
        streams = [cleanup.enter_context(closing(open_channel(number))) for number in range(len(labels))]
        positions_s = dict.fromkeys(range(len(labels)), 0.0)
        ends: list[TranscriptionChunk] = []
        while positions_s:
            number = min(positions_s, key=lambda each: (positions_s[each], each))
            for chunk in streams[number]:
                if chunk.finish_reason is not None:
                    ends.append(chunk)
                    del positions_s[number]
                    break
                segment = chunk.segment
                labelled = None if segment is None else replace(segment, channel=labels[number])
                yield replace(chunk, channel=labels[number], segment=labelled)
                if segment is not None:
                    positions_s[number] = segment.end_s
                    break
        yield _summed_up(ends)


def _summed_up(ends: Sequence[TranscriptionChunk]) -> TranscriptionChunk:
    """Return the last chunk of several streams as one: times are added, the length is that of the longest."""
    reasons: list[FinishReason] = [end.finish_reason for end in ends if end.finish_reason is not None]
    empty: list[EmptyReason] = [end.empty_reason for end in ends if end.empty_reason is not None]
    telling: EmptyReason | None = next((reason for reason in _TELLING if reason in empty), None)
    worst: FinishReason = next(reason for reason in reversed(_SEVERITY) if reason in reasons)
    return TranscriptionChunk(
        text="",
        start_s=max(end.start_s for end in ends),
        finish_reason=worst,
        timings=_added([end.timings for end in ends if end.timings is not None]),
        empty_reason=telling if len(empty) == len(ends) else None,
    )


def _added(timings: Sequence[Timings]) -> Timings:
    return Timings(
        read_s=sum(each.read_s for each in timings),
        encode_s=sum(each.encode_s for each in timings),
        prefill_s=sum(each.prefill_s for each in timings),
        generate_s=sum(each.generate_s for each in timings),
        decode_s=sum(each.decode_s for each in timings),
        first_output_s=min((each.first_output_s for each in timings if each.first_output_s), default=0.0),
        audio_s=max((each.audio_s for each in timings), default=0.0),
        prompt_tokens=sum(each.prompt_tokens for each in timings),
        generated_tokens=sum(each.generated_tokens for each in timings),
    )
