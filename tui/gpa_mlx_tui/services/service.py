"""The app's way to the model: works on threads that only wait, and the one engine thread that does the computing.

Nothing here waits on the user interface's thread, and nothing else in the app talks to `EngineThread`.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.errors import CancelledError, GPAError
from gpa_mlx_tui.services.messages import TaskCancelled, TaskEnded

if TYPE_CHECKING:
    from pathlib import Path

    from textual.message import Message
    from textual.message_pump import MessagePump

    from gpa_mlx.engine.thread import State
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import Task

logger = logging.getLogger(__name__)

T = TypeVar("T")

OpenEngine: TypeAlias = "Callable[[Path], SpeechEngine]"
"""Opens the model in a directory; called on the engine's thread."""


class BackgroundTask:
    """Something that is done for a screen, on a thread of its own. Made by `Service.begin`.

    Args:
        name: What it is called; a screen has at most one of each name.
        owner: Gets its messages.
    """

    def __init__(self, name: str, owner: MessagePump) -> None:
        self.name = name
        self._owner = owner
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._on_cancel: list[Callable[[], object]] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether its results are wanted no more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask for the end and return at once; the owner gets no more messages of this work."""
        with self._lock:
            if self._cancelled.is_set():
                return
            self._cancelled.set()
            callbacks = list(self._on_cancel)
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Have something called, from the thread that cancels, when this is cancelled (at once if it was already)."""
        with self._lock:
            self._on_cancel.append(callback)
            late = self._cancelled.is_set()
        if late:
            callback()

    def post(self, message: Message) -> None:
        """Send a message to the owner, unless this was cancelled."""
        if not self.is_cancelled:
            self._owner.post_message(message)

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            CancelledError: This was cancelled.
        """
        if self.is_cancelled:
            raise CancelledError("Cancelled.")


class Service:
    """The model the app works with, and everything that takes time.

    Args:
        open_engine: Opens a model.
        model: Directory of the model to begin with.
        idle_unload_s: Free the weights after this many seconds without work; None keeps them.
    """

    def __init__(self, open_engine: OpenEngine, model: Path, *, idle_unload_s: float | None = None) -> None:
        self._open_engine = open_engine
        self._model = model
        self._idle_unload_s = idle_unload_s
        self._thread = EngineThread(lambda: open_engine(model), idle_unload_s=idle_unload_s)
        self._works: set[BackgroundTask] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def model(self) -> Path:
        """Directory of the model."""
        return self._model

    @property
    def state(self) -> State:
        """What the engine's thread does now."""
        return self._thread.state

    @property
    def engine_thread(self) -> EngineThread:
        """The thread itself, for services that bring their own jobs, such as dictation."""
        return self._thread

    def memory_bytes(self) -> int | None:
        """Return what the model's arrays take; None before there are any."""
        core = sys.modules.get("mlx.core")
        held = core.get_active_memory() if core is not None and hasattr(core, "get_active_memory") else 0
        return held or None

    def begin(self, name: str, owner: MessagePump, body: Callable[[BackgroundTask], None]) -> BackgroundTask:
        """Do something on a new thread; the owner gets its messages, then `TaskEnded` or, at once, `TaskCancelled`.

        Args:
            name: What it is called.
            owner: A widget, a screen or the app.
            body: What to do. It may wait, import and read files. What it raises comes with `TaskEnded`.
        """
        work = BackgroundTask(name, owner)
        work.on_cancel(lambda: None if self._closed else owner.post_message(TaskCancelled(work)))
        with self._lock:
            self._works.add(work)
        threading.Thread(target=self._do, args=(work, body), name=f"gpa-mlx {name}", daemon=True).start()
        return work

    def stream(self, work: BackgroundTask, produce: Callable[[SpeechEngine], Generator[T]]) -> Iterator[T]:
        """Yield what `produce` yields on the engine's thread; ends with `CancelledError` when the work is cancelled.

        Args:
            work: Whose cancelling ends it, within one token.
            produce: Given the engine; runs on its thread, so it may import MLX.

        Raises:
            CancelledError: The work was cancelled.
            GPAError: What the producer raised.
        """
        items = self._thread.stream(produce)
        work.on_cancel(items.close)
        for item in items:
            work.check()
            yield item
        work.check()

    def ask(self, work: BackgroundTask, question: Callable[[SpeechEngine], T]) -> T:
        """Return what `question` returns on the engine's thread.

        Raises:
            CancelledError: The work was cancelled.
            GPAError: What the question raised.
        """
        job = self._thread.submit(question)
        work.on_cancel(job.cancel)
        return job.result()

    def warm(self, owner: MessagePump, task: Task) -> BackgroundTask:
        """Load what a task needs, so that its first use does not wait."""
        return self.begin("load", owner, lambda work: self.ask(work, lambda engine: engine.warm(task)))

    def use_model(self, model: Path) -> None:
        """Work with another model from now on; what is under way is cancelled, and the old weights are freed first."""
        old, open_engine = self._thread, self._open_engine

        def open_after_old() -> SpeechEngine:
            old.close()
            return open_engine(model)

        self.cancel_all()
        old.close(timeout_s=0)
        self._model = model
        self._thread = EngineThread(open_after_old, idle_unload_s=self._idle_unload_s)

    def open_other(self, model: Path) -> SpeechEngine:
        """Open a second model; only inside a job, on the engine's thread. The caller closes it."""
        return self._open_engine(model)

    def cancel_all(self) -> None:
        """Cancel every work."""
        with self._lock:
            works = list(self._works)
        for work in works:
            work.cancel()

    def close(self, timeout_s: float) -> bool:
        """Cancel everything and end the engine's thread.

        Args:
            timeout_s: How long to wait for it.

        Returns:
            Whether the thread has ended.
        """
        self._closed = True
        self.cancel_all()
        return self._thread.close(timeout_s)

    def _do(self, work: BackgroundTask, body: Callable[[BackgroundTask], None]) -> None:
        error: GPAError | None = None
        try:
            body(work)
        except CancelledError:
            work.cancel()
        except GPAError as failure:
            error = failure
        except OSError as failure:
            place = f": {failure.filename}" if failure.filename else ""
            error = GPAError(f"{failure.strerror or failure}{place}.", hint="Check the path and the disk.")
        except Exception as failure:
            logger.exception("%s failed", work.name)
            error = GPAError(
                f"Unexpected {type(failure).__name__}: {failure}", hint="Please report this; what you made is kept."
            )
        finally:
            with self._lock:
                self._works.discard(work)
        if not self._closed:
            work.post(TaskEnded(work, error))
