"""The app's way to the model: background tasks that only wait, and the one engine thread that does the computing.

Nothing here waits on the user interface's thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.engine.shared import SharedEngine
from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.errors import CancelledError, GPAError
from gpa_mlx.runtime.cancellation import cancellable
from gpa_mlx_tui.services.background import BackgroundTask
from gpa_mlx_tui.services.messages import TaskCancelled, TaskEnded

if TYPE_CHECKING:
    from pathlib import Path

    from textual.message_pump import MessagePump

    from gpa_mlx.engine.thread import State
    from gpa_mlx.protocols import SpeechEngine

logger = logging.getLogger(__name__)

OpenEngine: TypeAlias = "Callable[[Path], SpeechEngine]"
"""Opens the model in a directory; called on the engine's thread."""


class Service:
    """The model the app works with, and everything that takes time.

    Args:
        open_engine: Opens a model.
        model: Directory of the model to begin with.
        idle_unload_s: Free the weights after this many seconds without a call; None keeps them.
    """

    def __init__(self, open_engine: OpenEngine, model: Path, *, idle_unload_s: float | None = None) -> None:
        self._open_engine = open_engine
        self._model = model
        self._idle_unload_s = idle_unload_s
        self._has_opened = False
        self._thread = EngineThread(lambda: self._open(model), idle_unload_s=idle_unload_s)
        self._tasks: set[BackgroundTask] = set()
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
    def engine(self) -> SharedEngine:
        """The model's engine, for the threads of tasks."""
        return SharedEngine(self._thread, owns_thread=False)

    @property
    def engine_thread(self) -> EngineThread:
        """The thread itself, for services that bring their own requests, such as dictation."""
        return self._thread

    def memory_bytes(self) -> int | None:
        """Return what the model's arrays take; None while there are none."""
        if not self._has_opened:
            return None
        from gpa_mlx.runtime.memory import active_bytes

        return active_bytes() or None

    def start(self, name: str, owner: MessagePump, body: Callable[[BackgroundTask], None]) -> BackgroundTask:
        """Do something on a new thread; the owner gets its messages, then `TaskEnded` or, at once, `TaskCancelled`.

        Args:
            name: What it is called.
            owner: A widget, a screen or the app.
            body: What to do, inside `cancellable`. It may wait, import and read files. What it raises comes with
                `TaskEnded`.
        """
        task = BackgroundTask(name, owner)
        task.on_cancel(lambda: self._post_cancelled(task, owner))
        with self._lock:
            self._tasks.add(task)
        threading.Thread(target=self._run, args=(task, body), name=f"gpa-mlx {name}", daemon=True).start()
        return task

    def is_under_way(self, name: str) -> bool:
        """Return whether a task of this name goes on, whoever started it; one that was cancelled does not count."""
        with self._lock:
            return any(task.name == name and not task.is_cancelled for task in self._tasks)

    def open_model(self) -> None:
        """Open the model now, so that the first use does not wait; for the threads of tasks."""
        self._thread.submit(lambda engine: None).result()

    def use_model(self, model: Path) -> None:
        """Work with another model from now on; what is under way is cancelled, and the old weights are freed first."""
        old = self._thread

        def open_after_old() -> SpeechEngine:
            old.close()
            return self._open(model)

        self.cancel_all()
        old.close(timeout_s=0)
        self._model = model
        self._thread = EngineThread(open_after_old, idle_unload_s=self._idle_unload_s)

    def open_other(self, model: Path) -> SpeechEngine:
        """Open a second model; only inside a request, on the engine's thread. The caller closes it."""
        return self._open(model)

    def cancel_all(self) -> None:
        """Cancel every task."""
        with self._lock:
            tasks = list(self._tasks)
        for task in tasks:
            task.cancel()

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

    def _open(self, model: Path) -> SpeechEngine:
        engine = self._open_engine(model)
        self._has_opened = True
        return engine

    def _post_cancelled(self, task: BackgroundTask, owner: MessagePump) -> None:
        if not self._closed:
            owner.post_message(TaskCancelled(task))

    def _run(self, task: BackgroundTask, body: Callable[[BackgroundTask], None]) -> None:
        error: GPAError | None = None
        try:
            with cancellable(task.scope):
                body(task)
        except CancelledError:
            task.cancel()
        except GPAError as failure:
            error = failure
        except OSError as failure:
            place = f": {failure.filename}" if failure.filename else ""
            error = GPAError(f"{failure.strerror or failure}{place}.", hint="Check the path and the disk.")
        except Exception as failure:
            logger.exception("%s failed", task.name)
            error = GPAError(
                f"Unexpected {type(failure).__name__}: {failure}", hint="Please report this; what you made is kept."
            )
        finally:
            with self._lock:
                self._tasks.discard(task)
        if not self._closed:
            task.post(TaskEnded(task, error))
