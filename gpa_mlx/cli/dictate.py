"""`gpa-mlx dictate`: speech from the microphone to text."""

from __future__ import annotations

import queue
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import Diagnostics
from gpa_mlx.cli.heard import open_history, read_optional_vocabulary, text_options
from gpa_mlx.cli.inputs import introduce, open_engine, require_model
from gpa_mlx.cli.options import FiniteFloat, adapter_option, budget_options, is_given, json_option, model_option
from gpa_mlx.cli.program import Session
from gpa_mlx.errors import GPAError
from gpa_mlx.runtime.dictation_control import TOGGLE, send
from gpa_mlx.store.paths import app_state_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.dictation import Event, Mode
    from gpa_mlx.history import History
    from gpa_mlx.settings import Settings
    from gpa_mlx.text.custom_vocabulary import CustomVocabulary
    from gpa_mlx.types import GenerationOptions

_TOLD = "told the dictation that runs"


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
    from gpa_mlx.cli.delivery import Delivery
    from gpa_mlx.cli.dictation_loop import DictationLoop, Requests
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
        diagnostics.inform(_TOLD)
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
    with Requests() as requests:
        if toggle and not requests.are_reachable and send(TOGGLE, app_state_dir()):
            diagnostics.inform(_TOLD)  # the shortcut was pressed twice, and the other one was there first
            return
        with (
            EngineThread(lambda: open_engine(session, model, adapter)) as engine,
            Keys() as keys,
            DictationView() as view,
            Dictation(engine, microphone, history, events.put, options) as dictation,
        ):
            engine.submit(lambda opened: opened.warm("transcribe"))
            loop = DictationLoop(dictation, options, events, keys, view, delivery, session, requests, sounds=sounds)
            code = loop.run(begins_at_once=begins_at_once or toggle, stays=stay)
    if code:
        raise click.exceptions.Exit(code)


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
        names = [entry.name for entry in history.entries() if entry.waits]
        if names:
            what = "A recording was" if len(names) == 1 else f"{len(names)} recordings were"
            diagnostics.note(f"{what} not written down yet: `gpa-mlx history retry {names[0]}` does the last.")
