"""Recordings on their way to text: what the Dictate mode does on its works' threads."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.dictation import DictationOptions, Event
    from gpa_mlx.history import Entry, History
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import TranscriptionStream
    from gpa_mlx_tui.services.service import BackgroundTask, Service

_POLL_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class DictationDependencies:
    """What dictation needs besides the model; the functions are called on works' threads.

    Attributes:
        microphone: Makes the sound input.
        history: Opens the history.
        options: Reads how to dictate: the user's words, digits.
    """

    microphone: Callable[[], AudioInput]
    history: Callable[[], History]
    options: Callable[[], DictationOptions]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRecording:
    """What was written down last, to be heard again.

    Attributes:
        audio: The recording.
        entry: Its place in the history; None for a file of the user.
    """

    audio: Path
    entry: Entry | None = None


class Dictated(TaskMessage):
    """Something happened while somebody dictates.

    Args:
        work: The work.
        event: What.
    """

    def __init__(self, work: BackgroundTask, event: Event) -> None:
        super().__init__(work)
        self.event = event


class TextHeard(TaskMessage):
    """A recording was heard, or a part of it.

    Args:
        work: The work.
        text: So far.
        recording: Set when this is all of it.
    """

    def __init__(self, work: BackgroundTask, text: str, recording: HeardRecording | None = None) -> None:
        super().__init__(work)
        self.text = text
        self.recording = recording


class MicrophoneChecked(TaskMessage):
    """Whether there is something to dictate into.

    Args:
        work: The work.
        name: Of the microphone; empty when there is none.
        problem: Why there is none.
    """

    def __init__(self, work: BackgroundTask, name: str, problem: GPAError | None) -> None:
        super().__init__(work)
        self.name = name
        self.problem = problem


class Dictating:
    """One dictation; `stop` returns at once.

    Args:
        ears: Microphone, history, options.
        service: Has the engine.
        turn: Held while the microphone is in use.
        mode: What ends the text.
    """

    def __init__(
        self, ears: DictationDependencies, service: Service, turn: threading.Lock, *, ends_by_itself: bool
    ) -> None:
        self._ears, self._service, self._turn = ears, service, turn
        self._ends_by_itself = ends_by_itself
        self._stops = threading.Event()

    def stop(self) -> None:
        """End the recording; its text follows."""
        self._stops.set()

    def run(self, work: BackgroundTask) -> None:
        """Record until `stop`, and see the text through; a cancelled recording stays in the history.

        Raises:
            GPAError: The microphone or the history cannot be used, or the text could not be made.
        """
        from dataclasses import replace

        from gpa_mlx.dictation import Cancelled, Dictation, Failed, Finished

        over = threading.Event()
        failures: list[GPAError] = []

        def take(event: Event) -> None:
            if isinstance(event, Failed):
                failures.append(event.error)
            work.post(Dictated(work, event))
            if isinstance(event, Finished | Failed | Cancelled):
                over.set()

        options = self._ears.options()
        options = replace(options, mode="auto" if self._ends_by_itself else "push")
        with self._turn:
            work.check()
            history, microphone = self._ears.history(), self._ears.microphone()
            with Dictation(self._service.engine_thread, microphone, history, take, options) as dictation:
                dictation.start()
                self._wait(work, over, dictation)
        if failures:
            raise failures[0]

    def _wait(self, work: BackgroundTask, over: threading.Event, dictation: object) -> None:
        from gpa_mlx.dictation import Dictation

        assert isinstance(dictation, Dictation)
        has_stopped = False
        while not over.wait(_POLL_S) and not work.is_cancelled:
            if self._stops.is_set() and not has_stopped:
                has_stopped = True
                dictation.stop()


def default_dependencies(
    device: str | None = None,
    *,
    words_file: Path | None = None,
    history_bytes: int | None = None,
    history_days: float | None = None,
) -> DictationDependencies:
    """Return the ears of this computer.

    Args:
        device: A part of the microphone's name; None means the system's choice.
        words_file: The user's words.
        history_bytes: Size of the history; None takes its own.
        history_days: Age of the history; None takes its own.
    """

    def microphone() -> AudioInput:
        from gpa_mlx.audio.devices.microphone import Microphone

        return Microphone(device)

    def history() -> History:
        from gpa_mlx.history import MAX_AGE_DAYS, MAX_BYTES, History

        return History(max_bytes=history_bytes or MAX_BYTES, max_age_days=history_days or MAX_AGE_DAYS)

    def options() -> DictationOptions:
        from gpa_mlx.dictation import DictationOptions
        from gpa_mlx.text.custom_vocabulary import read_custom_vocabulary

        return DictationOptions(words=None if words_file is None else read_custom_vocabulary(words_file))

    return DictationDependencies(microphone=microphone, history=history, options=options)


def check_microphone(work: BackgroundTask, ears: DictationDependencies) -> None:
    """Find out whether there is a microphone, without listening to it."""
    from gpa_mlx.audio.devices.microphone import Microphone
    from gpa_mlx.audio.devices.port_audio import find_device, port_audio

    microphone = ears.microphone()
    if not isinstance(microphone, Microphone):
        work.post(MicrophoneChecked(work, microphone.name, None))
        return
    try:
        name = None if microphone.name == "default" else microphone.name
        with port_audio("input") as library:
            found = find_device(library, name, "input")["name"]
        work.post(MicrophoneChecked(work, found, None))
    except GPAError as error:
        work.post(MicrophoneChecked(work, "", error))


def hear_recording(
    work: BackgroundTask, service: Service, ears: DictationDependencies, recording: HeardRecording, model: Path
) -> None:
    """Write a recording down, with any model of this computer, and note it in the history if it is from there.

    Raises:
        GPAError: It cannot be heard.
        CancelledError: The work was cancelled.
    """
    from gpa_mlx.text.joining import join_segments

    options = ears.options()
    done: list[str] = []
    current = ""
    for chunk in service.stream(work, lambda engine: _hear(service, engine, recording.audio, model, options)):
        current = chunk.text if chunk.restarts else current + chunk.text
        if chunk.segment is not None:
            done.append(chunk.segment.text)
            current = ""
        work.post(TextHeard(work, join_segments([*done, current])))
    text = options.polish(join_segments(done).strip()).text
    if recording.entry is not None:
        with ears.history().hold(recording.entry) as held:
            held.recognised(text)
    work.post(TextHeard(work, text, recording))


def _hear(
    service: Service, engine: SpeechEngine, audio: Path, model: Path, options: DictationOptions
) -> TranscriptionStream:
    """Transcribe, on the engine's thread; another model takes the place of the app's own in memory meanwhile."""
    if model == service.model:
        yield from engine.stream_transcribe(audio, options=options.generation)
        return
    engine.close()
    with closing(service.open_other(model)) as other:
        yield from other.stream_transcribe(audio, options=options.generation)
