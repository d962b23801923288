"""Text into the app in front, on a Mac: over the clipboard, which gets its old text (but no picture) back."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

_PRESS = ("osascript", "-e", 'tell application "System Events" to keystroke "v" using command down')
_TIMEOUT_S = 10.0
# The app reads the clipboard some time after the key.
_SETTLE_S = 0.3


def require_paste() -> None:
    """Refuse where nothing can be pasted.

    Raises:
        SettingsError: This is not a Mac.
    """
    if sys.platform != "darwin":
        raise SettingsError("--paste works on macOS only.", hint="Leave it out; --clipboard copies the text.")


def paste_into_front_app(text: str, press: Callable[[], None] | None = None) -> None:
    """Paste text where the user could type it.

    Args:
        text: What to paste.
        press: Presses Command-V.

    Raises:
        GPAError: The clipboard or the keyboard cannot be used; then the text stays on the clipboard.
    """
    from gpa_mlx.runtime.clipboard import copy_text, paste_text

    before = paste_text()
    copy_text(text)
    (press or press_paste)()
    time.sleep(_SETTLE_S)
    copy_text(before)


def press_paste() -> None:
    """Press Command-V.

    Raises:
        GPAError: The terminal app may not press keys.
    """
    try:
        subprocess.run(_PRESS, check=True, capture_output=True, timeout=_TIMEOUT_S)  # noqa: S603 - a fixed list
    except (OSError, subprocess.SubprocessError) as error:
        raise GPAError(
            "The text could not be pasted; it is on the clipboard.",
            hint="Allow your terminal app in System Settings > Privacy & Security > Accessibility.",
        ) from error
