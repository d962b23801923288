"""`gpa-mlx dictate`: speech from the microphone to text."""

from __future__ import annotations

import os
import queue
import signal
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import click

from gpa_mlx.cli.diagnostics import Diagnostics, ExitCode
from gpa_mlx.cli.heard import finished_document, open_history, read_optional_vocabulary, show_replacements, text_options
from gpa_mlx.cli.inputs import introduce, open_engine, require_model
from gpa_mlx.cli.options import FiniteFloat, adapter_option, budget_options, is_given, json_option, model_option
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.cli.program import Session
from gpa_mlx.errors import GPAError
from gpa_mlx.runtime.dictation_control import PAUSE, TOGGLE, reachable, send
from gpa_mlx.store.paths import app_state_dir
from gpa_mlx.store.text_output import require_replaceable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gpa_mlx.cli.dictation_view import DictationView
    from gpa_mlx.cli.keys import Keys
    from gpa_mlx.dictation import Dictation, DictationOptions, Event, Finished, Mode
    from gpa_mlx.history import History
    from gpa_mlx.settings import Settings
    from gpa_mlx.text.custom_vocabulary import CustomVocabulary
    from gpa_mlx.types import GenerationOptions

_TICK_S = 0.05


@click.command()
@click.option("--auto", is_flag=True, help="Begin at once, and stop when you pause after speaking.")
@click.option("--continuous", is_flag=True, help="Begin at once; every pause ends one text and begins the next.")
@click.option(
    "--seconds", metavar="N", type=FiniteFloat(min=0, min_open=True), help="Begin at once, and stop after N seconds."
)
@click.option(
    "--toggle",
    is_flag=True,
    help="For a desktop shortcut: begin or end the recording of the dictation, or the app, that runs; "
    "without one, begin to record, until --toggle once more.",
)
@click.option("--stay", is_flag=True, help="After each text wait for the next key, or for --toggle.")
@click.option("--sounds", is_flag=True, help="Play a tone when the recording begins, and when it ends.")
@click.option(
    "--pause",
    metavar="S",
    type=FiniteFloat(min=0.2),
    default=1.2,
    show_default=True,
    help="The pause, in seconds, that --auto and --continuous wait for.",
)
@click.option(
    "--device",
    metavar="NAME|N",
    help="The microphone: a part of its name, or its number.  [default: the setting `microphone`]",
)
@text_options
@click.option(
    "--spoken-punctuation",
    is_flag=True,
    help='Write "comma", "question mark", "new line" and the like as signs, in English and Chinese.',
)
@click.option(
    "--clipboard/--no-clipboard", default=None, help="Copy the text.  [default: in a terminal, and with --toggle]"
)
@click.option("--append", metavar="FILE", type=click.Path(path_type=Path), help="Also add the text to a file.")
@click.option("--paste", is_flag=True, help="Paste the text into the app in front (macOS), and copy nothing.")
@model_option
@adapter_option
@budget_options
@json_option
@click.pass_obj
def dictate(
    session: Session,
    *,
    auto: bool,
    continuous: bool,
    seconds: float | None,
    toggle: bool,
    stay: bool,
    sounds: bool,
    spoken_punctuation: bool,
    pause: float,
    device: str | None,
    words: Path | None,
    digits: bool,
    clipboard: bool | None,
    append: Path | None,
    paste: bool,
    model: str | None,
    adapter: Path | None,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Write down what you say into the microphone.

    Enter or Space starts and stops, P pauses; Escape or Ctrl-C discards the text, not the recording. The text goes to
    standard output, and from a terminal to the clipboard. With --json each text becomes one JSON object on one line.

    Everything is recorded to disk before it is recognised: `gpa-mlx history` has it, whatever happens. Without a
    terminal one of --auto, --continuous, --seconds, --stay and --toggle is needed. If the microphone is unplugged, the
    recording goes on with another one. The signal USR1 does what Enter does, USR2 pauses and goes on.
    """
    from gpa_mlx.audio.devices.fallback_microphone import FallbackMicrophone
    from gpa_mlx.cli.dictation_view import DictationView
    from gpa_mlx.cli.keys import Keys
    from gpa_mlx.cli.paste import front_app_notices
    from gpa_mlx.dictation import Dictation, DictationOptions
    from gpa_mlx.engine.thread import EngineThread
    from gpa_mlx.store.manifest import read_manifest
    from gpa_mlx.types import GenerationOptions

    diagnostics = session.diagnostics
    if auto and continuous:
        raise click.UsageError("--auto and --continuous exclude each other.")
    if is_given("pause") and not (auto or continuous):
        raise click.UsageError("--pause is what --auto and --continuous wait for, and neither is given.")
    if toggle and send(TOGGLE, app_state_dir()):
        diagnostics.inform("told the dictation that runs")
        return
    begins_at_once = (auto or continuous or seconds is not None or toggle) and not stay
    if not begins_at_once and not stay and not Keys.exist():
        raise click.UsageError(
            "There is no terminal to press keys in: add --auto, --continuous, --seconds, --stay or --toggle."
        )
    if toggle and clipboard is None and not paste:
        clipboard = True  # a shortcut has no terminal to show the text in
    delivery = Delivery(diagnostics=diagnostics, clipboard=clipboard, append=append, paste=paste, as_json=as_json)
    delivery.check()
    chosen = session.settings
    is_ended_by_key = paste and not (begins_at_once or stay)
    mode: Mode = "auto" if auto else "continuous" if continuous else "push"
    vocabulary, notices = _vocabulary(chosen, words)
    options = DictationOptions(
        mode=mode,
        notices=(*notices, *front_app_notices(is_ended_by_key=is_ended_by_key)),
        silence_s=pause,
        limit_s=seconds,
        words=vocabulary,
        digits=digits,
        spoken_punctuation=spoken_punctuation,
        generation=choose(GenerationOptions()),
    )
    introduce(session, model)
    read_manifest(require_model(session, model))  # a wrong name is not to be found out after the talk
    microphone = FallbackMicrophone(device or chosen.microphone, is_setting=device is None)
    history = open_history(chosen)
    _tell_unwritten(history, diagnostics)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with (
        _Requests() as requests,
        EngineThread(lambda: open_engine(session, model, adapter)) as engine,
        Keys() as keys,
        DictationView() as view,
        Dictation(engine, microphone, history, events.put, options) as dictation,
    ):
        engine.submit(lambda opened: opened.warm("transcribe"))
        run = _Run(dictation, options, events, keys, view, delivery, session, requests, sounds=sounds)
        code = run.run(begins_at_once=begins_at_once or toggle, stays=stay)
    if code:
        raise click.exceptions.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Brings texts to where the user wants them.

    Attributes:
        diagnostics: Hears what was changed and what did not work.
        clipboard: Copy the text; None: if standard output is a terminal and nothing is pasted, and if it works.
        append: File to add the text to.
        paste: Paste it into the app in front.
        as_json: Write JSON instead of text.
    """

    diagnostics: Diagnostics
    clipboard: bool | None
    append: Path | None
    paste: bool
    as_json: bool

    def check(self) -> None:
        """Refuse what cannot work before anybody speaks.

        Raises:
            SettingsError: Nothing can be pasted here.
            GPAError: The file cannot be written.
        """
        if self.paste:
            from gpa_mlx.cli.paste import require_paste

            require_paste()
        if self.append is not None:
            require_replaceable(self.append)

    def deliver(self, finished: Finished) -> ExitCode:
        """Bring one text to all places; one that fails keeps it from no other."""
        show_replacements(finished.replacements, self.diagnostics)
        if self.as_json:
            write_json(finished_document(finished))
        elif finished.text:
            say(finished.text)
        if not finished.text:
            self.diagnostics.note("no speech was heard.")
            return ExitCode.OK
        places: list[Callable[[str], None]] = []
        if self.append is not None:
            places.append(self._append)
        if self.clipboard or (self.clipboard is None and sys.stdout.isatty() and not self.paste):
            places.append(self._copy)
        if self.paste:
            places.append(self._paste)
        failure = ExitCode.OK
        for place in places:
            try:
                place(finished.text)
            except GPAError as error:
                failure = failure or self.diagnostics.report(error)
        return failure

    def _append(self, text: str) -> None:
        assert self.append is not None
        try:
            with self.append.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise GPAError(
                f"The text could not be added to {self.append}: {error.strerror}.", hint="The history has it."
            ) from error

    def _copy(self, text: str) -> None:
        from gpa_mlx.runtime.clipboard import copy_text

        try:
            copy_text(text)
        except GPAError as error:
            if self.clipboard:
                raise
            self.diagnostics.note(f"the text was not copied: {error.message}")
        else:
            self.diagnostics.inform("copied to the clipboard")

    def _paste(self, text: str) -> None:
        from gpa_mlx.cli.paste import paste_into_front_app

        paste_into_front_app(text)


class _Run:
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
        requests: _Requests,
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
            if not begins_at_once and not self._is_wanted():
                return ExitCode.OK
            self._record()
            while stays and self._is_wanted():
                self._is_over = False
                self._record()
        except KeyboardInterrupt:
            self._give_up()
            raise
        return self._code

    def _record(self) -> None:
        self._view.status, self._view.keys = "opening the microphone", ""
        self._view.refresh()
        self._dictation.start()
        self._view.status = "waiting for the microphone"
        self._view.keys = "Enter: stop   P: pause   Esc: discard" if self._keys.exist() else ""
        self._follow()

    def _is_wanted(self) -> bool:
        """Wait for the key that starts; False for one that leaves."""
        from gpa_mlx.cli.keys import ENTER, ESCAPE, SPACE

        self._dictation.open()
        self._view.status, self._view.keys = "Press Enter or Space and speak.", "q: leave"
        self._view.refresh()
        if not self._view.is_shown:
            self._diagnostics.inform("Press Enter or Space and speak.")
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
            raise KeyboardInterrupt
        if key in (ENTER, SPACE) and not self._is_over:
            self._stop()
        if key in ("p", "P"):
            self._dictation.pause()

    def _answer(self) -> None:
        """Do what came as a signal."""
        if self._requests.take(TOGGLE) and not self._is_over:
            self._stop()
        if self._requests.take(PAUSE):
            self._dictation.pause()

    def _stop(self) -> None:
        self._dictation.stop()

    def _handle(self, event: Event) -> None:
        from gpa_mlx.dictation import (
            Cancelled,
            Failed,
            Finished,
            Level,
            Listening,
            NoInput,
            Notice,
            Partial,
            Paused,
            Stopped,
        )

        view = self._view
        match event:
            case Listening():
                view.status, view.notice = "listening", ""
                self._narrate("listening")
                self._play("start")
            case Notice(text):
                with view.hidden():
                    self._diagnostics.note(text)
            case Paused(is_paused):
                view.status = "paused, P goes on" if is_paused else "listening"
                self._narrate("paused" if is_paused else "listening")
            case Level(_, peak_db, elapsed_s):
                view.peak_db, view.elapsed_s = peak_db, elapsed_s
            case Partial(confirmed, unconfirmed):
                view.confirmed, view.unconfirmed = confirmed, unconfirmed
            case NoInput(advice):
                view.notice = advice
                if not view.is_shown:
                    self._diagnostics.note(advice)
            case Stopped(duration_s):
                self._is_over = True
                view.status, view.keys, view.peak_db, view.notice = "writing down", "Esc: later", None, ""
                self._narrate(f"recorded {duration_s:.1f} s")
                self._play("stop")
            case Finished():
                self._deliver(event)
            case Failed(error):
                with view.hidden():
                    self._code = self._code or self._diagnostics.report(error)
            case Cancelled():
                pass

    def _deliver(self, event: Finished) -> None:
        self._view.confirmed = self._view.unconfirmed = ""
        with self._view.hidden():
            code = self._delivery.deliver(event)
            if event.interruption is not None:
                code = self._diagnostics.report(event.interruption)
        self._code = self._code or code

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


class _Requests:
    """Signals as they come, while this context manager is open; with it a desktop shortcut reaches this process."""

    def __init__(self) -> None:
        self._came: set[int] = set()
        self._cleanup = ExitStack()

    def take(self, number: signal.Signals) -> bool:
        """Return, once, whether a signal came."""
        came = number in self._came
        self._came.discard(number)
        return came

    def __enter__(self) -> Self:
        self._cleanup.enter_context(reachable(app_state_dir()))
        for number in (TOGGLE, PAUSE):
            with suppress(ValueError):  # not the main thread: there are no signals
                before = signal.signal(number, lambda came, _: self._came.add(came))
                self._cleanup.callback(signal.signal, number, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()


def _vocabulary(settings: Settings, words: Path | None) -> tuple[CustomVocabulary | None, tuple[str, ...]]:
    """Return the user's words, and what to say where those of the settings cannot be used: that stops no dictation.

    Raises:
        SettingsError: The file that was named for this run cannot be used.
    """
    from gpa_mlx.dictation.options import without_words

    try:
        return read_optional_vocabulary(settings, words), ()
    except GPAError as error:
        if words is not None:
            raise
        return None, (without_words(error),)


def _tell_unwritten(history: History, diagnostics: Diagnostics) -> None:
    """Say what was recorded and never written down; a history that cannot be read is found out when it is used."""
    with suppress(GPAError):
        names = [
            entry.name for entry in history.entries() if entry.state in ("recorded", "failed") and not entry.in_use
        ]
        if names:
            what = "A recording was" if len(names) == 1 else f"{len(names)} recordings were"
            diagnostics.note(f"{what} not written down yet: `gpa-mlx history retry {names[0]}` does the last.")
