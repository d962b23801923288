"""The service: starts, stops, and sees every recording through to its text."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self

from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.dictation.events import Cancelled, Event, Failed, Finished, Partial
from gpa_mlx.dictation.options import DictationOptions
from gpa_mlx.dictation.recording import Recorder, Utterance
from gpa_mlx.engine.shared import SharedEngine
from gpa_mlx.errors import AudioDeviceError, CancelledError, GPAError
from gpa_mlx.text.joining import join_segments

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.engine.thread import EngineThread
    from gpa_mlx.history import Entry, HeldEntry, History
    from gpa_mlx.types import LiveStream, Samples

logger = logging.getLogger(__name__)


class Dictation:
    """Records, keeps and recognises; a context manager.

    Every recording ends with one `Finished`, `Failed` or `Cancelled` for each of its utterances; what is left at the
    end of `continuous` dictation and holds no speech is dropped. All methods may be called from any thread, `close` not
    from `on_event`.

    Args:
        engine: Transcribes; it is not closed here.
        microphone: Records; it is opened for every recording, unless `open` was called.
        history: Keeps the recordings; it is pruned after each.
        on_event: Notified of what happens, from other threads, never twice at once. It must not wait.
        options: How to dictate.
    """

    def __init__(
        self,
        engine: EngineThread,
        microphone: AudioInput,
        history: History,
        on_event: Callable[[Event], None],
        options: DictationOptions | None = None,
    ) -> None:
        self._engine = SharedEngine(engine, owns_thread=False)
        self._microphone = microphone
        self._history = history
        self._on_event = on_event
        self._options = options or DictationOptions()
        self._control = threading.RLock()
        self._notifying = threading.Lock()
        self._stays_open = False
        self._recorder: Recorder | None = None
        self._recording: threading.Thread | None = None
        self._transcripts: threading.Thread | None = None
        self._utterances: queue.SimpleQueue[Utterance | None] = queue.SimpleQueue()
        self._unfinished: list[Utterance] = []

    @property
    def is_recording(self) -> bool:
        """Whether the microphone is recorded right now."""
        return self._recorder is not None and not self._recorder.is_ending

    @property
    def is_busy(self) -> bool:
        """Whether there is a recording, or an utterance whose end was not notified yet."""
        return self.is_recording or bool(self._unfinished)

    def open(self) -> None:
        """Keep the microphone open between recordings: they then begin half a second before `start`.

        Raises:
            AudioDeviceError: It cannot be used.
        """
        with self._control:
            self._microphone.open()
            self._stays_open = True

    def start(self) -> None:
        """Begin a recording; during one this does nothing.

        Raises:
            AudioDeviceError: The microphone cannot be used.
            AudioFileError: Nothing can be written to the history.
        """
        if not self.is_recording and self._recording is not None:
            self._recording.join()
        with self._control:
            if self.is_recording:
                return
            self._microphone.open()
            try:
                self._microphone.start()
                recorder = self._recorder = Recorder(
                    self._microphone,
                    self._start_utterance,
                    self._utterances.put,
                    self._drop,
                    self.notify,
                    self._options,
                )
            except BaseException:
                self._microphone.stop()
                self._close_unneeded()
                raise
            self._recording = threading.Thread(
                target=self._record, args=(recorder,), name="gpa-mlx recorder", daemon=True
            )
            self._recording.start()
            if self._transcripts is None:
                self._transcripts = threading.Thread(
                    target=self._finish_utterances, name="gpa-mlx transcripts", daemon=True
                )
                self._transcripts.start()

    def stop(self) -> None:
        """End the recording; its text follows."""
        with self._control:
            if self._recorder is not None:
                self._recorder.end()

    def pause(self, *, is_paused: bool | None = None) -> None:
        """Leave out what is said, or hear it again; without a recording this does nothing.

        Args:
            is_paused: Which of them; None: the other one.
        """
        with self._control:
            if self._recorder is not None and not self._recorder.is_ending:
                self._recorder.pause(is_paused=not self._recorder.is_paused if is_paused is None else is_paused)

    def cancel(self) -> None:
        """End the recording and all recognition; what was recorded is kept in the history."""
        with self._control:
            for utterance in self._unfinished:
                utterance.cancel()
            self.stop()

    def close(self) -> None:
        """Cancel what goes on, release the microphone and end the threads."""
        self.cancel()
        if self._recording is not None:
            self._recording.join()
        self._utterances.put(None)
        if self._transcripts is not None:
            self._transcripts.join()
        self._microphone.close()

    def notify(self, event: Event) -> None:
        """Hand an event on; what goes wrong there stops nothing here."""
        with self._notifying:
            try:
                self._on_event(event)
            except Exception:
                logger.exception("an event was not taken")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- on the recorder's thread -------------------------------------------------------------------------------------

    def _record(self, recorder: Recorder) -> None:
        try:
            recorder.run()
        finally:
            self._close_unneeded()

    def _close_unneeded(self) -> None:
        with self._control:
            if not self._stays_open:
                self._microphone.close()

    def _start_utterance(self) -> Utterance:
        utterance = Utterance(self._history.begin(self._microphone.name))
        with self._control:
            self._unfinished.append(utterance)
        return utterance

    def _drop(self, utterance: Utterance) -> None:
        with self._control:
            self._unfinished.remove(utterance)
        _discard(utterance)

    # -- on the transcript thread -------------------------------------------------------------------------------------

    def _finish_utterances(self) -> None:
        while (utterance := self._utterances.get()) is not None:
            event = self._outcome(utterance)
            utterance.journal.release()
            self.notify(event)
            with self._control:
                self._unfinished.remove(utterance)
            try:
                self._history.prune()
            except GPAError:
                logger.warning("the history could not be made smaller", exc_info=True)

    def _outcome(self, utterance: Utterance) -> Event:
        """Transcribe an utterance while it is spoken; return how it ended when its recording has."""
        heard, problem = "", None
        try:
            heard = self._transcribe(utterance)
        except Exception as error:  # noqa: BLE001 - whatever it is, the recording goes on and is kept
            problem = error
            utterance.blocks.forget()
        utterance.ended.wait()
        if not utterance.duration_s:
            _discard(utterance)
            error = utterance.interruption or _nothing_recorded()
            return Cancelled(None) if utterance.is_cancelled else Failed(error, None)
        if utterance.is_cancelled:
            return Cancelled(utterance.journal.entry)
        if problem is not None:
            return Failed(*_noted(problem, utterance.journal))
        try:
            return _finished(utterance.journal, heard, self._options, utterance.interruption)
        except GPAError as error:
            return Failed(error, utterance.journal.entry)

    def _transcribe(self, utterance: Utterance) -> str:
        options = self._options.generation
        stream = self._engine.stream_transcribe_live(utterance.blocks, options=options)
        return _joined_text(utterance.follow(stream), self.notify)


def recognise_again(
    engine: EngineThread,
    history: History,
    entry: Entry,
    options: DictationOptions | None = None,
    notify: Callable[[Partial], None] = lambda partial: None,
) -> Finished:
    """Recognise a recording of the history, whatever became of it before; the text is that of dictating it.

    Args:
        engine: Transcribes.
        history: Has it.
        entry: The recording.
        options: Words, digits and sampling.
        notify: Takes the text so far.

    Raises:
        GPAError: Somebody else works on it, or it cannot be recognised, which is noted in the history.
        CancelledError: The engine was closed.
    """
    options = options or DictationOptions()
    with history.hold(entry) as held:
        audio, generation = held.entry.audio, options.generation
        shared = SharedEngine(engine, owns_thread=False)
        stream = shared.stream_transcribe_live(_blocks(audio), options=generation)
        try:
            with closing(stream):
                heard = _joined_text(stream, notify)
        except CancelledError:
            raise
        except Exception as error:
            noted, _ = _noted(error, held)
            raise noted from error
        return _finished(held, heard, options, None)


def _joined_text(stream: LiveStream, notify: Callable[[Partial], None]) -> str:
    done: list[str] = []
    is_whole = False
    for chunk in stream:
        is_whole = chunk.finish_reason is not None
        if chunk.segment is not None:
            done.append(chunk.segment.text)
        if not is_whole:
            confirmed = join_segments([*done, chunk.confirmed])
            whole = join_segments([*done, chunk.confirmed + chunk.unconfirmed])
            notify(Partial(confirmed, whole[len(confirmed) :]))
    if not is_whole:
        raise CancelledError("The recognition was ended before it was done.")
    return join_segments(done)


def _blocks(audio: Path) -> Iterator[Samples]:
    with open_recording(audio, channels="speech") as recording:
        for block in recording:
            yield block.channel_mean


def _finished(held: HeldEntry, heard: str, options: DictationOptions, interruption: GPAError | None) -> Finished:
    heard = heard.strip()
    polished = options.polish(heard)
    entry = held.recognised(polished.text)
    return Finished(polished.text, polished.replacements, entry, heard, interruption)


def _noted(error: Exception, held: HeldEntry) -> tuple[GPAError, Entry]:
    """Note in the history why there is no text; return the error with the way to a second try."""
    hint = f"The recording is kept; `gpa-mlx history retry {held.entry.name}` tries again."
    if isinstance(error, GPAError):
        noted = type(error)(error.message, hint=f"{error.hint} {hint}".strip())
    else:
        logger.error("recognition failed", exc_info=error)
        noted = GPAError(f"The recording was not recognised: {type(error).__name__}: {error}", hint=hint)
    try:
        held.failed(noted.message)
    except GPAError:
        logger.warning("the failure could not be noted", exc_info=True)
    return noted, held.entry


def _discard(utterance: Utterance) -> None:
    with suppress(GPAError):  # then it stays in the history, where the user can delete it
        utterance.journal.discard()


def _nothing_recorded() -> GPAError:
    return AudioDeviceError("Nothing was recorded.", hint="Record a little longer, and check the microphone.")
