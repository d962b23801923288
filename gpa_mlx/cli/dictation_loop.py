"""The command `dictate` while it runs: keys, signals and events in, texts out."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Literal, Self

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.runtime.dictation_control import PAUSE, TOGGLE, reachable
from gpa_mlx.store.paths import app_state_dir

if TYPE_CHECKING:
    import queue
    from types import TracebackType

    from gpa_mlx.cli.delivery import Delivery
    from gpa_mlx.cli.dictation_view import DictationView
    from gpa_mlx.cli.keys import Keys
    from gpa_mlx.cli.program import Session
    from gpa_mlx.dictation import Dictation, DictationOptions, Event, Finished
    from gpa_mlx.errors import GPAError

_TICK_S = 0.05


class Requests:
    """Signals as they come, while this context manager is open; with it a desktop shortcut reaches this process.

    Attributes:
        are_reachable: The shortcut reaches this process, and no other.
    """

    def __init__(self) -> None:
        self.are_reachable = False
        self._came: set[int] = set()
        self._cleanup = ExitStack()

    def take(self, number: signal.Signals) -> bool:
        """Return, once, whether a signal came."""
        came = number in self._came
        self._came.discard(number)
        return came

    def __enter__(self) -> Self:
        # Whoever can be reached must not die of a signal: it is taken before, and until after.
        for number in (TOGGLE, PAUSE):
            with suppress(ValueError):  # not the main thread: there are no signals
                before = signal.signal(number, lambda came, _: self._came.add(came))
                self._cleanup.callback(signal.signal, number, before)
        self.are_reachable = self._cleanup.enter_context(reachable(app_state_dir()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()


class _DiscardedError(Exception):
    """The user does not want the text of this recording."""


class DictationLoop:
    """One run of the command, on the main thread: keys and events in, texts out."""

    def __init__(
        self,
        dictation: Dictation,
        options: DictationOptions,
        events: queue.SimpleQueue[Event],
        keys: Keys,
        view: DictationView,
        delivery: Delivery,
        session: Session,
        requests: Requests,
        *,
        sounds: bool = False,
    ) -> None:
        self._requests, self._sounds = requests, sounds
        self._dictation = dictation
        self._options = options
        self._events = events
        self._keys = keys
        self._view = view
        self._delivery = delivery
        self._diagnostics = session.diagnostics
        self._interruption = session.interruption
        self._is_over = False
        self._code = ExitCode.OK

    def run(self, *, begins_at_once: bool, stays: bool = False) -> ExitCode:
        """Dictate; return the exit code.

        Args:
            begins_at_once: Do not wait for a key.
            stays: Wait for the next key after each text.
        """
        try:
            if not begins_at_once and not self._is_wanted(stays=stays):
                return ExitCode.OK
            self._record_or_tell(stays=stays)
            # A request that came while a text was written down begins the next recording.
            while (stays and self._is_wanted(stays=stays)) or self._requests.take(TOGGLE):
                self._record_or_tell(stays=stays)
        except KeyboardInterrupt:
            self._give_up()
            raise
        return self._code

    def _record_or_tell(self, *, stays: bool) -> None:
        """Record; what stays survives a text that is not wanted, and a microphone that is not there just now."""
        try:
            self._record()
        except _DiscardedError:
            if not stays:
                raise KeyboardInterrupt from None
            self._give_up()
        except AudioDeviceError as error:
            if not stays:
                raise
            self._tell(error)

    def _record(self) -> None:
        self._is_over = False
        self._requests.take(PAUSE)
        self._view.status, self._view.keys = "opening the microphone", ""
        self._view.refresh()
        self._dictation.start()
        self._view.status = "waiting for the microphone"
        self._view.keys = "Enter: stop   P: pause   Esc: discard" if self._keys.exist() else ""
        self._follow()

    def _is_wanted(self, *, stays: bool) -> bool:
        """Wait for the key that starts; False for one that leaves."""
        from gpa_mlx.cli.keys import ENTER, ESCAPE, SPACE

        try:
            self._dictation.open()
        except AudioDeviceError as error:
            if not stays:
                raise
            self._tell(error)
        self._view.status, self._view.keys = "Press Enter or Space and speak.", "q: leave"
        self._view.refresh()
        if not self._view.is_shown:
            begin = self._view.status if self._keys.exist() else "Ready: `gpa-mlx dictate --toggle` begins to record."
            self._diagnostics.inform(begin)
        while (key := self._keys.read(_TICK_S)) not in (ENTER, SPACE):
            if self._requests.take(TOGGLE):
                return True
            if key in (ESCAPE, "q"):
                return False
        return True

    def _follow(self) -> None:
        while not (self._is_over and not self._dictation.is_busy and self._events.empty()):
            try:
                self._press(self._keys.read(_TICK_S))
                self._answer()
                while not self._events.empty():
                    self._handle(self._events.get())
                self._view.refresh()
            except KeyboardInterrupt:
                if not self._may_be_stopped():
                    raise
                self._stop()

    def _may_be_stopped(self) -> bool:
        """Return whether Ctrl-C only ends the recording: of a dictation that has no other end, and once."""
        is_ctrl_c = self._interruption.number in (None, signal.SIGINT)
        if self._options.mode != "continuous" or self._is_over or not is_ctrl_c:
            return False
        self._interruption.forget()
        return True

    def _press(self, key: str) -> None:
        from gpa_mlx.cli.keys import ENTER, ESCAPE, SPACE

        if key == ESCAPE:
            raise _DiscardedError
        if key in (ENTER, SPACE) and not self._is_over:
            self._stop()
        if key in ("p", "P"):
            self._dictation.pause()

    def _answer(self) -> None:
        """Do what came as a signal."""
        if not self._is_over and self._requests.take(TOGGLE):
            self._stop()
        if self._requests.take(PAUSE):
            self._dictation.pause()

    def _stop(self) -> None:
        self._dictation.stop()

    def _handle(self, event: Event) -> None:
        from gpa_mlx.dictation import events

        view = self._view
        match event:
            case events.Listening():
                view.status, view.notice = "listening", ""
                self._narrate("listening")
                self._play("start")
            case events.Notice(text):
                with view.hidden():
                    self._diagnostics.note(text)
            case events.Paused(is_paused):
                view.status = "paused, P goes on" if is_paused else "listening"
                self._narrate("paused" if is_paused else "listening")
            case events.Level(_, peak_db, elapsed_s):
                view.peak_db, view.elapsed_s = peak_db, elapsed_s
            case events.Partial(confirmed, unconfirmed):
                view.confirmed, view.unconfirmed = confirmed, unconfirmed
            case events.NoInput(advice):
                view.notice = advice
                if not view.is_shown:
                    self._diagnostics.note(advice)
            case events.Stopped(duration_s):
                self._is_over = True
                view.status, view.keys, view.peak_db, view.notice = "writing down", "Esc: later", None, ""
                self._narrate(f"recorded {duration_s:.1f} s")
                self._play("stop")
            case events.Finished():
                self._deliver(event)
            case events.Failed(error):
                self._tell(error)
            case events.Cancelled():
                pass

    def _deliver(self, event: Finished) -> None:
        self._view.confirmed = self._view.unconfirmed = ""
        with self._view.hidden():
            code = self._delivery.deliver(event)
            if event.interruption is not None:
                code = self._diagnostics.report(event.interruption)
        self._code = self._code or code

    def _tell(self, error: GPAError) -> None:
        with self._view.hidden():
            self._code = self._code or self._diagnostics.report(error)

    def _narrate(self, message: str) -> None:
        if not self._view.is_shown:
            self._diagnostics.inform(message)

    def _play(self, moment: Literal["start", "stop"]) -> None:
        if self._sounds:
            from gpa_mlx.dictation.sounds import play_tone

            play_tone(moment)

    def _give_up(self) -> None:
        """Leave the text; the recording stays, and the user is told how to get at it."""
        from gpa_mlx.dictation import Cancelled

        self._dictation.cancel()
        while self._dictation.is_busy:
            time.sleep(_TICK_S)
        with self._view.hidden():
            while not self._events.empty():
                event = self._events.get()
                if isinstance(event, Cancelled) and event.entry is not None:
                    self._diagnostics.note(
                        f"the recording is kept: `gpa-mlx history retry {event.entry.name}` writes it down."
                    )
