"""The clipboard of the desktop, or over ssh that of the terminal the user sits at.

macOS has `pbcopy` and `pbpaste`; Linux has one of `wl-copy`, `xclip` and `xsel`, if installed. Over ssh those would
reach the distant computer, so the text is sent to the terminal itself (OSC 52), which can be written but not read.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpa_mlx.errors import GPAError

OSC52_MAX_BYTES = 74_994
"""Longest text for a terminal: several drop a sequence of more than 100,000 bytes without a word."""

_TERMINAL = Path("/dev/tty")
_TIMEOUT_S = 10.0
_INSTALL = "Install it: `apt install xclip`, or `apt install wl-clipboard` on a Wayland desktop."


@dataclass(frozen=True, slots=True)
class ClipboardState:
    """How the clipboard is reached here.

    Attributes:
        way: What does it: the name of a program, or `OSC 52`; empty when nothing does.
        copy: Command that reads the text from its standard input; empty for `OSC 52`.
        paste: Command that writes the text to its standard output; empty when the clipboard cannot be read.
        problem: Why there is no way, in one sentence; empty when there is one.
        fix: What to do about it.
    """

    way: str
    copy: tuple[str, ...] = ()
    paste: tuple[str, ...] = ()
    problem: str = ""
    fix: str = ""


_MACOS = ClipboardState("pbcopy", ("pbcopy",), ("pbpaste",))
_WAYLAND = (ClipboardState("wl-copy", ("wl-copy", "--type", "text/plain"), ("wl-paste", "--no-newline")),)
_X11 = (
    ClipboardState("xclip", ("xclip", "-selection", "clipboard"), ("xclip", "-selection", "clipboard", "-o")),
    ClipboardState("xsel", ("xsel", "--clipboard", "--input"), ("xsel", "--clipboard", "--output")),
)
_OSC52 = ClipboardState("OSC 52")


def is_remote(environ: Mapping[str, str]) -> bool:
    """Return whether the user sits at another computer, over ssh."""
    return bool(environ.get("SSH_TTY") or environ.get("SSH_CONNECTION"))


def clipboard_state(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> ClipboardState:
    """Return how the clipboard is reached from here; nothing is copied.

    Args:
        environ: Environment variables.
        platform: As `sys.platform`.
    """
    if is_remote(environ) and not environ.get("DISPLAY"):  # with one, ssh forwards the desktop of the user
        return _OSC52
    if platform == "darwin":
        return _MACOS
    ways = (_WAYLAND if environ.get("WAYLAND_DISPLAY") else ()) + (_X11 if environ.get("DISPLAY") else ())
    if not ways:
        return ClipboardState("", problem="There is no desktop here, so no clipboard.", fix="Write to a file instead.")
    installed = next((way for way in ways if shutil.which(way.copy[0], path=environ.get("PATH"))), None)
    names = " or ".join(way.way for way in ways)
    return installed or ClipboardState("", problem=f"The clipboard needs {names}.", fix=_INSTALL)


def copy_text(text: str) -> None:
    """Put text on the clipboard in place of what is there.

    Args:
        text: May be empty. It can take some milliseconds more until other programs see it.

    Raises:
        GPAError: There is no clipboard, it did not take the text, or the text is too long for a terminal.
    """
    state = _usable()
    content = text.encode(errors="replace")
    if state.copy:
        _run(state.copy, content)
    else:
        _send_to_terminal(content)


def paste_text() -> str:
    """Return the text on the clipboard; empty if there is none.

    Raises:
        GPAError: There is no clipboard that can be read.
    """
    state = _usable()
    if not state.paste:
        raise GPAError(
            "The clipboard of your terminal cannot be read over ssh.", hint="Paste with the terminal's own key."
        )
    return _run(state.paste, b"").decode(errors="replace")


def _usable() -> ClipboardState:
    state = clipboard_state()
    if not state.way:
        raise GPAError(state.problem, hint=state.fix)
    return state


def _run(command: tuple[str, ...], content: bytes) -> bytes:
    """Give a program its input and return what it writes.

    xclip and wl-copy stay behind to hold the selection, with the outputs they were given: into files, which wait for
    nobody, and in a session of their own, so that Ctrl-C does not take the text away.
    """
    # Without a locale, as under launchd or with LC_ALL=C, pbcopy takes UTF-8 for MacRoman.
    environment = {**os.environ, "LC_ALL": "en_US.UTF-8"} if command[0].startswith("pb") else None
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaint:
        try:
            code = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                command,
                input=content,
                stdout=output,
                stderr=complaint,
                env=environment,
                timeout=_TIMEOUT_S,
                start_new_session=True,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise GPAError(f"{command[0]} does not answer.", hint="Check that the desktop still works.") from error
        except OSError as error:
            raise GPAError(f"{command[0]} cannot be run: {error.strerror}.", hint=_INSTALL) from error
        output.seek(0)
        complaint.seek(0)
        said = complaint.read().decode(errors="replace").strip()
        if code and not _nothing_there(said):
            raise GPAError(
                f"{command[0]} failed: {said.splitlines()[-1] if said else f'exit status {code}'}.",
                hint="Check that DISPLAY or WAYLAND_DISPLAY name a desktop that is still there.",
            )
        return output.read()


def _nothing_there(said: str) -> bool:
    """Return whether xclip, xsel or wl-paste only says that the clipboard is empty or holds no text."""
    return any(words in said for words in ("not available", "Nothing is copied", "No selection", "No suitable type"))


def _send_to_terminal(content: bytes) -> None:
    if len(content) > OSC52_MAX_BYTES:
        raise GPAError(
            f"{len(content)} bytes are too many for the clipboard over ssh, which takes {OSC52_MAX_BYTES}.",
            hint="Write the text to a file instead.",
        )
    sequence = b"\x1b]52;c;" + base64.b64encode(content) + b"\x07"
    if os.environ.get("TMUX"):
        # Handed on to the terminal outside: tmux drops what it is not told to pass.
        sequence = b"\x1bPtmux;" + sequence.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\"
    try:
        with _TERMINAL.open("wb") as terminal:
            terminal.write(sequence)
    except OSError as error:
        raise GPAError(
            "There is no terminal whose clipboard could be used.", hint="Write the text to a file instead."
        ) from error
