"""Dictation and transcription as the Dictate mode shows them; for the threads of tasks."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.features.dictate.messages import Dictated, TextTranscribed

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.dictation import Dictation, Event
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import GenerationOptions, TranscriptionStream
    from gpa_mlx_tui.features.dictate.choices import DictationChoices
    from gpa_mlx_tui.features.dictate.messages import TranscribedRecording
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.microphone import DictationDependencies
    from gpa_mlx_tui.services.service import Service
    from gpa_mlx_tui.services.standby import Standby

_POLL_S = 0.03


class DictationRun:
    """One dictation; `stop` returns at once.

    Args:
        dictation: Microphone, history, options.
        service: Has the engine.
        turn: Held while the microphone is in use.
        standby: Has the microphone, if it is open already.
        choices: What is done with the text.
        ends_by_itself: Whether a pause ends the recording.
    """

    def __init__(
        self,
        dictation: DictationDependencies,
        service: Service,
        turn: threading.Lock,
        standby: Standby,
        choices: DictationChoices,
        *,
        ends_by_itself: bool,
    ) -> None:
        self._dictation, self._service, self._turn, self._standby = dictation, service, turn, standby
        self._choices, self._ends_by_itself = choices, ends_by_itself
        self._stops = threading.Event()
        self._is_paused = False

    def stop(self) -> None:
        """End the recording; its text follows."""
        self._stops.set()

    def pause(self) -> None:
        """Leave out what is said from now on, or hear it again."""
        self._is_paused = not self._is_paused

    def run(self, task: BackgroundTask) -> None:
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
            task.post(Dictated(task, event))
            if isinstance(event, Finished | Failed | Cancelled):
                over.set()

        options = self._choices.applied(self._dictation.options())
        options = replace(options, mode="auto" if self._ends_by_itself else "push")
        with self._turn:
            task.check()
            history, microphone = self._dictation.history(), self._standby.take(self._dictation)
            with Dictation(self._service.engine_thread, microphone, history, take, options) as dictation:
                dictation.start()
                self._wait(task, over, dictation)
        if failures:
            raise failures[0]

    def _wait(self, task: BackgroundTask, over: threading.Event, dictation: Dictation) -> None:
        has_stopped = False
        while not over.wait(_POLL_S) and not task.is_cancelled:
            dictation.pause(is_paused=self._is_paused)
            if self._stops.is_set() and not has_stopped:
                has_stopped = True
                dictation.stop()


def transcribe_recording(
    task: BackgroundTask,
    service: Service,
    dictation: DictationDependencies,
    recording: TranscribedRecording,
    model: Path,
    choices: DictationChoices,
) -> None:
    """Transcribe a recording, with any model of this computer, and note it in the history if it is from there.

    Raises:
        GPAError: It cannot be transcribed.
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.audio.files.sound_file import announced_duration_s
    from gpa_mlx.text.joining import join_segments

    options = choices.applied(dictation.options())
    done: list[str] = []
    current, position_s = "", 0.0
    try:
        duration_s = announced_duration_s(recording.audio)
    except GPAError:
        duration_s = None  # whoever reads it says what is wrong with it
    stream = service.engine_thread.stream(
        lambda engine: _transcribe(service, engine, recording.audio, model, options.generation)
    )
    with closing(stream):
        for chunk in stream:
            current = chunk.text if chunk.restarts else current + chunk.text
            if chunk.segment is not None:
                done.append(chunk.segment.text)
                current, position_s = "", chunk.segment.end_s
            text = options.polish(join_segments([*done, current])).text if chunk.segment else ""
            text = text or join_segments([*done, current])
            task.post(TextTranscribed(task, text, position_s=position_s, duration_s=duration_s))
    task.check()
    text = options.polish(join_segments(done).strip()).text
    if recording.entry is not None:
        with dictation.history().hold(recording.entry) as held:
            held.recognised(text)
    task.post(TextTranscribed(task, text, recording))


def unwritten(dictation: DictationDependencies) -> int:
    """Return how many dictations of the history were not written down; 0 where that cannot be seen."""
    try:
        entries = dictation.history().entries()
    except GPAError:
        return 0
    return sum(entry.waits for entry in entries)


def _transcribe(
    service: Service, engine: SpeechEngine, audio: Path, model: Path, options: GenerationOptions | None
) -> TranscriptionStream:
    """Transcribe, on the engine's thread; another model takes the place of the app's own in memory meanwhile."""
    if model == service.model:
        yield from engine.stream_transcribe(audio, options=options)
        return
    engine.close()
    with closing(service.open_other(model)) as other:
        yield from other.stream_transcribe(audio, options=options)
