"""One thread that touches MLX, for programs that have several: the terminal app, dictation, servers.

MLX streams belong to the thread that made them, and work on a model must not overlap. An `EngineThread` opens the
engine, works off jobs in the order they come, frees the weights when nobody needs them, and leaves MLX cleanly.
`SharedEngine` is the engine's own interface on top of it, callable from every thread.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, TypeVar, cast

from gpa_mlx.errors import GPAError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable, check_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import (
        AudioLike,
        GenerationOptions,
        LiveStream,
        Speech,
        SpeechStream,
        Task,
        Transcription,
        TranscriptionStream,
        Voice,
        Waveform,
    )

logger = logging.getLogger(__name__)

T = TypeVar("T")

State: TypeAlias = Literal["idle", "opening", "busy", "closed"]
"""`idle`: waiting for a job. `opening`: reading the model's configs. `busy`: at work. `closed`: for good."""

_AHEAD = 4
"""Items that a stream may be ahead of its consumer."""

_CANCEL_POLL_S = 0.05
_END = object()


class EngineRequest(Future[T]):
    """A result to come. `cancel()` ends the work within one token, whether it has begun or not."""

    def __init__(self, work: Callable[[SpeechEngine], T]) -> None:
        super().__init__()
        self._work = work
        self._scope = CancelScope()

    @property
    def was_cancelled(self) -> bool:
        """Whether somebody asked for the end."""
        return self._scope.is_cancelled

    def cancel(self) -> bool:
        """Ask for the end; `result()` then raises `CancelledError`. False if the job was done already."""
        self._scope.cancel()
        return not self.done()

    def do(self, engine: Callable[[], SpeechEngine]) -> None:
        """Do the work on this thread; what goes wrong belongs to whoever asks for the result."""
        try:
            with cancellable(self._scope):
                check_cancelled()
                result = self._work(engine())
        except BaseException as error:  # noqa: BLE001
            self.set_exception(error)
        else:
            self.set_result(result)


class EngineThread:
    """The one thread on which an engine is opened, used and freed.

    Args:
        open_engine: Opens the model; called on the thread, at the first job. Its error is that job's, and the next
            job tries again.
        idle_unload_s: Free the weights after this many seconds without a job; None: keep them.
    """

    def __init__(self, open_engine: Callable[[], SpeechEngine], *, idle_unload_s: float | None = None) -> None:
        self._open_engine = open_engine
        self._idle_unload_s = idle_unload_s
        self._jobs: queue.SimpleQueue[EngineRequest | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unfinished: set[EngineRequest] = set()
        self._engine: SpeechEngine | None = None
        self._state: State = "idle"
        self._thread = threading.Thread(target=self._run, name="gpa-mlx engine", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """What the thread does now."""
        return self._state

    def submit(self, work: Callable[[SpeechEngine], T]) -> EngineRequest[T]:
        """Have `work` done on the thread, after the jobs before it.

        Raises:
            GPAError: The thread is closed.
        """
        job = EngineRequest(work)
        with self._lock:
            if self._state == "closed":
                raise GPAError("The engine is closed.")
            if self._thread.ident is None:
                self._thread.start()
            self._unfinished.add(job)
            self._jobs.put(job)
        return job

    def stream(self, work: Callable[[SpeechEngine], Generator[T]]) -> Generator[T]:
        """Yield what `work` yields on the thread, which is at most a few items ahead of the consumer.

        The job is in line when this returns. `close()`, from any thread, cancels it within one token. An error of the
        work is raised at the item where it happened, an error in its arguments at the first.

        Raises:
            GPAError: The thread is closed.
        """
        return _Stream(self, work)

    def close(self, timeout_s: float | None = None) -> bool:
        """Cancel all jobs and end the thread.

        Args:
            timeout_s: How long to wait for the end; None: as long as it takes.

        Returns:
            Whether it has ended. If not, it ends after its present token or encoding.
        """
        with self._lock:
            self._state = "closed"
            unfinished = list(self._unfinished)
            self._jobs.put(None)
        for job in unfinished:
            job.cancel()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._set_state("busy")
                job.do(self._opened)
                with self._lock:
                    self._unfinished.discard(job)
                self._set_state("idle")
                del job  # its result may hold arrays: nothing here keeps it
        finally:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            _leave_mlx()

    def _next(self) -> EngineRequest | None:
        try:
            return self._jobs.get(timeout=self._idle_unload_s)
        except queue.Empty:
            if self._engine is not None:
                logger.info("freeing the model after %g s without work", self._idle_unload_s)
                self._engine.close()
            return self._jobs.get()

    def _opened(self) -> SpeechEngine:
        if self._engine is None:
            self._set_state("opening")
            self._engine = self._open_engine()
            self._set_state("busy")
        return self._engine

    def _set_state(self, state: State) -> None:
        with self._lock:
            if self._state != "closed":
                self._state = state


class _Stream(Generator[T, None, None]):
    """Items on their way from the engine's thread; a class, because closing must cancel before the first item too."""

    def __init__(self, thread: EngineThread, work: Callable[[SpeechEngine], Generator[T]]) -> None:
        items: queue.SimpleQueue[object] = queue.SimpleQueue()
        places = threading.Semaphore(_AHEAD)

        def produce(engine: SpeechEngine) -> None:
            with closing(work(engine)) as made:
                for item in made:
                    while not places.acquire(timeout=_CANCEL_POLL_S):
                        check_cancelled()
                    items.put(item)

        self._items, self._places = items, places
        self._job = thread.submit(produce)
        self._job.add_done_callback(lambda _: items.put(_END))

    def __next__(self) -> T:
        item = self._items.get()
        if item is _END:
            self._items.put(_END)
            if not self._job.was_cancelled:
                self._job.result()
            raise StopIteration
        self._places.release()
        return cast("T", item)

    def send(self, value: None) -> T:
        """Return the next item."""
        return next(self)

    def throw(self, typ: object, val: object = None, tb: object = None) -> T:
        """Cancel the work and raise the error here."""
        self.close()
        error = typ() if isinstance(typ, type) else typ
        assert isinstance(error, BaseException)
        raise error

    def close(self) -> None:
        """Cancel the work; items that are already there can still be taken."""
        self._job.cancel()

    def __del__(self) -> None:
        """A stream that nobody reads any more needs no work."""
        if hasattr(self, "_job"):
            self._job.cancel()


def load_shared(
    path: str | os.PathLike[str],
    *,
    adapter: str | os.PathLike[str] | None = None,
    idle_unload_s: float | None = None,
) -> SharedEngine:
    """Open a converted model for several threads.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model.
        idle_unload_s: Free the weights after this many seconds without a call; None: keep them.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model, or a damaged one.
    """
    from gpa_mlx.engine.gpa import load

    thread = EngineThread(lambda: load(path, adapter=adapter), idle_unload_s=idle_unload_s)
    try:
        thread.submit(lambda engine: None).result()
    except BaseException:
        thread.close()
        raise
    return SharedEngine(thread)


class SharedEngine:
    """An engine for several threads: every call is a job of an `EngineThread`, in the order of the calls.

    Methods, results and errors are those of `gpa_mlx.GPA`; only, a stream's errors come with its first item.

    Args:
        thread: Does the work; it is closed with the engine.
    """

    def __init__(self, thread: EngineThread) -> None:
        self._thread = thread

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._ask(lambda engine: engine.path)

    @property
    def parts_loaded(self) -> tuple[str, ...]:
        """Names of the parts in memory."""
        return self._ask(lambda engine: engine.parts_loaded)

    @property
    def max_passage_chars(self) -> int:
        """As `GPA.max_passage_chars`."""
        return self._ask(lambda engine: engine.max_passage_chars)

    @property
    def reference_s(self) -> float:
        """As `GPA.reference_s`."""
        return self._ask(lambda engine: engine.reference_s)

    @property
    def max_segment_s(self) -> float:
        """As `GPA.max_segment_s`."""
        return self._ask(lambda engine: engine.max_segment_s)

    def default_options(self, task: Task) -> GenerationOptions:
        """As `GPA.default_options`."""
        return self._ask(lambda engine: engine.default_options(task))

    def warm(self, task: Task) -> None:
        """As `GPA.warm`; returns when the parts are loaded."""
        self._ask(lambda engine: engine.warm(task))

    def close(self) -> None:
        """Cancel all work and end the thread."""
        self._thread.close()

    def transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: bool = True, batch: int = 1
    ) -> Transcription:
        """As `GPA.transcribe`."""
        return self._ask(lambda engine: engine.transcribe(audio, options=options, vad=vad, batch=batch))

    def stream_transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: bool = True, batch: int = 1
    ) -> TranscriptionStream:
        """As `GPA.stream_transcribe`."""
        return self._thread.stream(
            lambda engine: engine.stream_transcribe(audio, options=options, vad=vad, batch=batch)
        )

    def stream_transcribe_live(
        self, blocks: Iterable[Waveform], *, options: GenerationOptions | None = None, vad: bool = True
    ) -> LiveStream:
        """As `GPA.stream_transcribe_live`; `blocks` are taken on the engine's thread."""
        return self._thread.stream(lambda engine: engine.stream_transcribe_live(blocks, options=options, vad=vad))

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """As `GPA.speak`."""
        return self._ask(lambda engine: engine.speak(text, voice=voice, options=options))

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream:
        """As `GPA.stream_speak`."""
        return self._thread.stream(
            lambda engine: engine.stream_speak(text, voice=voice, options=options, lookahead=lookahead)
        )

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """As `GPA.convert_voice`."""
        return self._ask(lambda engine: engine.convert_voice(audio, voice=voice, options=options))

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream:
        """As `GPA.stream_convert_voice`."""
        return self._thread.stream(
            lambda engine: engine.stream_convert_voice(audio, voice=voice, options=options, lookahead=lookahead)
        )

    def make_voice(self, audio: AudioLike, *, name: str) -> Voice:
        """As `GPA.make_voice`."""
        return self._ask(lambda engine: engine.make_voice(audio, name=name))

    def _ask(self, question: Callable[[SpeechEngine], T]) -> T:
        job = self._thread.submit(question)
        try:
            return job.result()
        except BaseException:
            job.cancel()  # an interrupt here must not leave the work running
            raise


def _leave_mlx() -> None:
    if "mlx.core" in sys.modules:
        from gpa_mlx.runtime.backend import leave_thread

        leave_thread()
