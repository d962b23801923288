"""Recording: each block goes to the disk first, then to the engine; utterances end where the speaker pauses."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from gpa_mlx.audio.devices.microphone import AudioInput, loudness
from gpa_mlx.audio.devices.silence import Silence
from gpa_mlx.audio.vad.endpoint import EndpointDetector
from gpa_mlx.dictation.events import Event, Level, Listening, NoInput, Notice, Paused, Stopped
from gpa_mlx.errors import GPAError
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.dictation.options import DictationOptions
    from gpa_mlx.history import Journal
    from gpa_mlx.types import LiveStream, Samples

_WAIT_S = 0.1
_GAP_S = 0.3
"""Silence in the place of a pause, so that two words do not become one."""

# While nobody speaks, continuous dictation begins its recording anew so often, with so much of the old one.
_IDLE_S = 10.0
_KEPT_S = 2.0
# What a cut repeats: a word may have begun that the detector cannot tell from a click yet.
_REPEATED_S = 0.2


class BlockQueue:
    """The blocks of an utterance on their way to the engine's thread, which takes all there are at once."""

    def __init__(self) -> None:
        self._blocks: queue.SimpleQueue[Samples | None] = queue.SimpleQueue()
        self._is_wanted = True

    def put(self, block: Samples) -> None:
        """Add a block."""
        if self._is_wanted:
            self._blocks.put(block)

    def end(self) -> None:
        """There is no more."""
        self._blocks.put(None)

    def forget(self) -> None:
        """Nobody will take it: keep nothing."""
        self._is_wanted = False
        self._blocks = queue.SimpleQueue()

    def __iter__(self) -> Iterator[Samples]:
        """Yield what has come since the last time, or an empty block after 0.1 s without anything.

        Raises:
            CancelledError: The work this is for was cancelled.
        """
        empty = np.empty(0)
        ended = False
        while not ended:
            check_cancelled()
            blocks: list[Samples] = []
            try:
                block = self._blocks.get(timeout=_WAIT_S)
                while block is not None:
                    blocks.append(block)
                    block = self._blocks.get_nowait()
                ended = True
            except queue.Empty:
                pass
            yield np.concatenate([empty, *blocks])


class Utterance:
    """What is said between two pauses, or between start and stop: its recording, while it goes on.

    Args:
        journal: Where its audio goes.

    Attributes:
        journal: Belongs to the recorder until `ended` is set, then to the transcript thread.
        blocks: Its audio, for the engine.
        ended: Set when all of it is on disk.
        interruption: What ended it early.
        duration_s: Length so far.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.blocks = BlockQueue()
        self.ended = threading.Event()
        self.interruption: GPAError | None = None
        self.duration_s = 0.0
        self._cancelled = threading.Event()
        self._stream: LiveStream | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody wants it any more."""
        return self._cancelled.is_set()

    def take(self, block: Samples) -> None:
        """Add audio, to the disk first.

        Raises:
            AudioFileError: It cannot be written.
        """
        self.journal.append(block)
        self.duration_s += len(block) / SAMPLE_RATE_HZ
        self.blocks.put(block)

    def end(self, interruption: GPAError | None) -> None:
        """All of it was said."""
        self.interruption = interruption
        try:
            self.journal.finish()
        except GPAError as error:
            self.interruption = interruption or error
        self.blocks.end()
        self.ended.set()

    def follow(self, stream: LiveStream) -> LiveStream:
        """Return the engine's stream for this utterance; `cancel` closes it from now on."""
        self._stream = stream
        if self.is_cancelled:
            stream.close()
        return stream

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._cancelled.set()
        if self._stream is not None:
            self._stream.close()


@runtime_checkable
class HasNotices(Protocol):
    """A microphone that has something to say, such as that it is another one now."""

    def take_notices(self) -> list[str]:
        """Return, once, what the user should know."""
        ...


class Recorder:
    """Takes a microphone's blocks to where they belong; runs on a thread of its own.

    Args:
        microphone: Already started.
        start_utterance: Makes an utterance, with its place on disk.
        hand_over: Takes an utterance in which somebody speaks, to be transcribed while it goes on.
        drop: Takes an utterance in which nobody spoke.
        notify: Takes events.
        options: What ends an utterance.

    Attributes:
        is_ending: Nothing more is recorded, except for what the microphone has heard already.
        is_paused: What the microphone hears is left out.
    """

    def __init__(
        self,
        microphone: AudioInput,
        start_utterance: Callable[[], Utterance],
        hand_over: Callable[[Utterance], None],
        drop: Callable[[Utterance], None],
        notify: Callable[[Event], None],
        options: DictationOptions,
    ) -> None:
        self._microphone = microphone
        self._start_utterance = start_utterance
        self._hand_over = hand_over
        self._drop = drop
        self._notify = notify
        self._options = options
        self._utterance = start_utterance()
        self._endpoint = EndpointDetector()
        self._recent: deque[Samples] = deque()
        self._recorded_s = 0.0
        self._is_listening = self._was_paused = False
        self._silence = Silence(options.silence)
        self.is_ending = self.is_paused = False
        self._is_handed_over = options.mode != "continuous"
        if self._is_handed_over:
            hand_over(self._utterance)

    def run(self) -> None:
        """Record until the microphone or somebody ends it."""
        interruption: GPAError | None = None
        for words in self._options.notices:
            self._notify(Notice(words))
        try:
            for block in self._microphone:
                self._pass_notices_on()
                self._take(block)
                if self._is_enough():
                    self.end()
        except GPAError as error:
            interruption = error
        except Exception as error:  # noqa: BLE001 - the recording so far must not be lost
            interruption = GPAError(f"The recording ended with an unexpected {type(error).__name__}: {error}.")
        finally:
            self.end()
            self._close(interruption)

    def end(self) -> None:
        """Record no more; callable from any thread."""
        self.is_ending = True
        self._microphone.stop()

    def pause(self, *, is_paused: bool) -> None:
        """Leave out what is said from now on, or hear it again; callable from any thread."""
        if is_paused != self.is_paused:
            self.is_paused = is_paused
            self._notify(Paused(is_paused))

    def _pass_notices_on(self) -> None:
        if isinstance(self._microphone, HasNotices):
            for words in self._microphone.take_notices():
                self._notify(Notice(words))

    def _take(self, block: Samples) -> None:
        if self.is_paused:
            self._was_paused = True
            return
        if self._was_paused:
            self._was_paused = False
            block = np.concatenate([np.zeros(round(_GAP_S * SAMPLE_RATE_HZ), dtype=block.dtype), block])
        self._utterance.take(block)
        self._recorded_s += len(block) / SAMPLE_RATE_HZ
        self._report(block)
        self._endpoint.push(block)
        if self._options.mode == "continuous":
            self._remember(block)
            self._cut()

    def _report(self, block: Samples) -> None:
        if not self._is_listening and block.any():
            self._is_listening = True
            self._notify(Listening())
        level = loudness(block)
        self._notify(Level(level.rms_db, level.peak_db, self._utterance.duration_s))
        if block.any():
            self._silence = Silence(self._options.silence, follows_sound=True)
        elif advice := self._silence.note(len(block) / SAMPLE_RATE_HZ):
            self._notify(NoInput(str(advice)))

    def _is_enough(self) -> bool:
        options = self._options
        if options.limit_s is not None and self._recorded_s >= options.limit_s:
            return True
        if options.mode != "auto":
            return False
        return self._is_pause() if self._endpoint.spoke else self._recorded_s >= options.patience_s

    def _is_pause(self) -> bool:
        return self._endpoint.spoke and self._endpoint.silent_s >= self._options.silence_s and self._endpoint.is_quiet

    def _remember(self, block: Samples) -> None:
        self._recent.append(block)
        while sum(map(len, self._recent)) - len(self._recent[0]) >= _KEPT_S * SAMPLE_RATE_HZ:
            self._recent.popleft()

    def _cut(self) -> None:
        """Hand an utterance over when its speech begins, and start the next when the speaker pauses."""
        if not self._is_handed_over and self._endpoint.spoke:
            self._is_handed_over = True
            self._hand_over(self._utterance)
        if self._is_pause():
            self._next(_REPEATED_S)
        elif not self._endpoint.spoke and self._utterance.duration_s >= _IDLE_S:
            self._next(_KEPT_S)

    def _next(self, repeated_s: float) -> None:
        recent = np.concatenate(list(self._recent))[-round(repeated_s * SAMPLE_RATE_HZ) :]
        following = self._start_utterance()
        try:
            following.take(recent)
        except GPAError:
            self._drop(following)
            raise
        self._endpoint = EndpointDetector()
        self._endpoint.push(recent)
        finished, self._utterance = self._utterance, following
        if self._is_handed_over:
            finished.end(None)
        else:
            self._drop(finished)
        self._is_handed_over = False

    def _close(self, interruption: GPAError | None) -> None:
        is_empty = not self._is_handed_over and not self._endpoint.spoke and self._endpoint.is_quiet
        if is_empty and interruption is None:
            self._drop(self._utterance)
            self._notify(Stopped(self._recorded_s))
            return
        self._notify(Stopped(self._recorded_s))
        self._utterance.end(interruption)
        if not self._is_handed_over:
            self._hand_over(self._utterance)
