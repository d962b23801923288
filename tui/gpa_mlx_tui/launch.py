"""Starting the app as the user has set it up, and leaving it: `run` is what `gpa-mlx tui` calls."""

from __future__ import annotations

import gc
import locale
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TextIO

from gpa_mlx.errors import GPAError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.settings import SettingsSource
    from gpa_mlx_tui.app.app import GPAApp

_CLOSE_S = 0.5
_GRACE_S = 3.0
_SELDOM = 100
"""Collections of younger objects to one of all; Python's default is 10."""
THEMES = ("dark", "light")


def run(
    source: SettingsSource, model: str | None = None, theme: str | None = None, ascii_only: bool | None = None
) -> NoReturn:
    """Run the app in this terminal and end the process; arguments as for `make_app`.

    Raises:
        GPAError: There is no terminal, no such model, or the settings cannot be used.
    """
    if not (sys.stdin.isatty() and sys.__stderr__ is not None and sys.__stderr__.isatty()):  # Textual draws there
        raise GPAError("The app needs a terminal.", hint="Start it in one, or use the other commands in scripts.")
    gc.disable()  # until all is imported: there is no garbage yet, and looking for it takes a tenth of the start
    with _first_picture(sys.__stderr__):
        if not _follows_terminal(theme, source):
            app = make_app(source, model, theme, ascii_only)
        else:
            from gpa_mlx_tui.services.terminal_colours import BackgroundQuestion

            # It answers while Textual is imported, which must not read from it yet.
            with BackgroundQuestion(sys.stdin.fileno(), os.environ) as background:
                app = make_app(source, model, theme, ascii_only, is_light=background.is_light)
    _run(app)


def _follows_terminal(theme: str | None, source: SettingsSource) -> bool:
    """Return whether nobody has chosen colours."""
    return (theme or replace(source, lenient=True).load().settings.theme or "auto") == "auto"


@contextmanager
def _first_picture(terminal: TextIO) -> Iterator[None]:
    """Show at once that something begins: importing Textual takes most of the time until its own first picture."""
    terminal.write("\x1b[?1049h\x1b[2J\x1b[H \x1b[1mgpa-mlx\x1b[0m is starting")
    terminal.flush()
    try:
        yield
    except BaseException:
        terminal.write("\x1b[?1049l")
        terminal.flush()
        raise


def make_app(
    source: SettingsSource,
    model: str | None = None,
    theme: str | None = None,
    ascii_only: bool | None = None,
    *,
    is_light: Callable[[], bool] = lambda: False,
) -> GPAApp:
    """Make the app as the user has set it up; it looks for garbage once all its modes are imported.

    A setting that no longer fits keeps nobody out: it gives way to its default, and the app says so.

    Args:
        source: Where the settings come from.
        model: Name or directory of the model to begin with; None means the chosen one, or the demo model.
        theme: One of `THEMES`; None means that of the settings.
        ascii_only: Draw with ASCII characters; None means as in the settings, or as the locale needs it.
        is_light: Whether the terminal's background is light; asked once all is imported, for who has chosen no colours.

    Raises:
        ModelNotFoundError: No such model.
        SettingsError: There are no such colours.
    """
    from gpa_mlx.jobs.settings import usable_model
    from gpa_mlx.store.paths import app_state_dir
    from gpa_mlx_tui.bindings import usable_keys

    source = replace(source, lenient=True)
    loaded = source.load()
    chosen = loaded.settings
    path, model_problem = usable_model(loaded, model)
    keys, key_problems = usable_keys(chosen.keys)
    problems = [*loaded.problems, *key_problems]
    if theme is not None and theme not in THEMES:
        raise SettingsError(f"There are no colours '{theme}'.", hint=f"Use {' or '.join(THEMES)}.")
    theme = theme or chosen.theme or "auto"
    if ascii_only is None:
        ascii_only = chosen.ascii or "utf" not in locale.getpreferredencoding(do_setlocale=False).lower()
    from gpa_mlx_tui.app.app import GPAApp
    from gpa_mlx_tui.bindings import APP
    from gpa_mlx_tui.modes import MODES
    from gpa_mlx_tui.services.kept_state import kept_text, open_kept_state
    from gpa_mlx_tui.services.microphone import default_dependencies

    kept = open_kept_state(app_state_dir())
    last_mode = kept_text(kept.of(APP), "mode")
    return GPAApp(
        lambda directory: _open_engine(source, directory),
        path,
        theme="light" if theme == "light" or (theme == "auto" and is_light()) else "dark",
        ascii_only=ascii_only,
        keys=keys,
        settings=source,
        output=_loudspeaker(chosen.loudspeaker),
        dictation=default_dependencies(chosen),
        idle_unload_s=chosen.idle_unload_s or None,
        mode=last_mode if last_mode in {mode.id for mode in MODES} else MODES[0].id,
        prepared=_settle,
        kept=kept,
        notices=[*filter(None, [model_problem]), *(f"{problem.message} {problem.hint}" for problem in problems)],
        ending=_end_in_time,
    )


def _end_in_time(code: int) -> None:
    """End the process soon, whatever holds the app up, such as a terminal that is gone: it was asked to end."""
    guard = threading.Timer(_GRACE_S, os._exit, (code,))
    guard.daemon = True
    guard.start()


def _loudspeaker(name: str | None) -> OutputDevice | None:
    """Return the chosen one; the system's is looked for when something is played."""
    if name is None:
        return None
    from gpa_mlx.audio.devices.loudspeaker import Loudspeaker

    return Loudspeaker(name)


def _open_engine(source: SettingsSource, path: Path) -> SpeechEngine:
    from gpa_mlx.jobs.models import open_model

    engine = open_model(source.load().settings, path)
    _settle()
    return engine


def _settle() -> None:
    """Collect garbage from now on, but not among what is there: looking through that stops the app for 0.1 s.

    To look through all that came later, the screens of the modes, still takes 0.03 s: that is done more seldom.
    """
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _SELDOM)
    gc.freeze()
    gc.enable()


def _run(app: GPAApp) -> NoReturn:
    """Run the app and end the process, whatever still runs.

    Neither threads that look at folders nor MLX may keep the user waiting, and MLX must not be left to end with the
    interpreter while it computes: so the interpreter ends without its usual farewell.
    """
    import asyncio

    from gpa_mlx.runtime.dictation_control import reachable
    from gpa_mlx.store.paths import app_state_dir

    with reachable(app_state_dir()), _quiet_libraries():
        app.run(loop=asyncio.new_event_loop())
    app.service.close(timeout_s=_CLOSE_S)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(app.return_code or 0)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep what sound libraries write to descriptor 2 off the picture, which Textual draws through `sys.__stderr__`.

    Python looks for the size of the terminal at `sys.__stdout__`, which may be a file.
    """
    saved = sys.stderr, sys.__stderr__, sys.__stdout__
    with open(os.dup(2), "w", encoding="utf-8", errors="replace") as terminal, open(os.devnull, "w") as nothing:  # noqa: PTH123
        sys.stderr = sys.__stderr__ = sys.__stdout__ = terminal
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            terminal.flush()
            os.dup2(terminal.fileno(), 2)
            sys.stderr, sys.__stderr__, sys.__stdout__ = saved
