"""Text into the app in front, on a Mac: over the clipboard, which gets its old text back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.runtime.macos.keyboard_layout import asked_key_code
from gpa_mlx.runtime.terminal_app import terminal_app

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEOUT_S = 60.0
"""The first time macOS asks the user, and the program waits for the answer."""

_SETTLE_S = 1.0
"""Slow programs read the clipboard so long after the key."""

_PANE = "System Settings > Privacy & Security >"


def require_paste(platform: str | None = None) -> None:
    """Refuse where nothing can be pasted.

    Args:
        platform: As `sys.platform`; None takes that.

    Raises:
        SettingsError: This is not a Mac.
    """
    if (platform or sys.platform) != "darwin":
        raise SettingsError("--paste works on macOS only.", hint="Leave it out; --clipboard copies the text.")


def front_app_notices(*, is_ended_by_key: bool) -> tuple[str, ...]:
    """Return what to say before a text is pasted: the app in front must be another one by then.

    Args:
        is_ended_by_key: A key in this terminal ends the recording, so that the terminal is in front.
    """
    if not is_ended_by_key:
        return ()
    return (
        "The text is pasted into the app in front, which is this terminal when you press a key in it: bind a shortcut "
        "to `gpa-mlx dictate --toggle --paste`, or use --auto and go to the other app while you speak.",
    )


def paste_into_front_app(
    text: str, press: Callable[[], None] | None = None, wait: Callable[[float], None] = time.sleep
) -> None:
    """Paste text where the user could type it.

    The clipboard gets its old text back if it still has what was pasted: what the user copied meanwhile stays. A
    picture or a file cannot be put back; then the text stays.

    Args:
        text: What to paste.
        press: Presses Command-V.
        wait: Waits for so many seconds.

    Raises:
        GPAError: The clipboard or the keyboard cannot be used; then the text stays on the clipboard.
    """
    from gpa_mlx.runtime.clipboard import copy_text, paste_text

    before = paste_text()
    copy_text(text)
    (press or press_paste)()
    wait(_SETTLE_S)
    if before and paste_text() == text:
        copy_text(before)


def press_paste(
    key_code: Callable[[], int] = asked_key_code, environ: Mapping[str, str] = os.environ, timeout_s: float = _TIMEOUT_S
) -> None:
    """Press Command and the key of "v", by its place: a letter is looked for in layouts that do not have it.

    Args:
        key_code: Returns the code of the key.
        environ: Environment variables, which tell the terminal.
        timeout_s: Longest wait for macOS, which may ask the user.

    Raises:
        GPAError: The terminal app may not press keys.
    """
    script = f'tell application "System Events" to key code {key_code()} using command down'
    said = ""
    try:
        result = subprocess.run(  # noqa: S603 - a fixed list
            ["osascript", "-e", script],  # noqa: S607 - part of macOS
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
        if result.returncode == 0:
            return
        said = result.stderr
    except subprocess.TimeoutExpired:
        said = "timed out"
    except OSError as error:
        said = error.strerror or str(error)
    raise GPAError("The text could not be pasted; it is on the clipboard.", hint=_remedy(said, terminal_app(environ)))


def _remedy(said: str, app: str | None) -> str:
    """Return what to do about a complaint of osascript, whose number tells which of the two permissions is missing."""
    app = app or "your terminal app"
    if "-1743" in said:
        return f"{_PANE} Automation: switch System Events on below {app}, then try again."
    if any(number in said for number in ("(1002)", "-1719", "-25211")):
        return f"{_PANE} Accessibility: switch {app} on, with + if it is not listed, then quit and reopen it."
    if said == "timed out":
        return (
            f"macOS may be asking whether {app} may control System Events: allow it. It asks for Accessibility as well."
        )
    return (
        f"{_PANE} Automation (System Events below {app}) and Accessibility ({app}) must both be on; macOS says: "
        f"{' '.join(said.split()) or 'nothing'}."
    )
