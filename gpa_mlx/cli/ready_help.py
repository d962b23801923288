"""The program's own help as text that is ready: `gpa-mlx --help` does not wait for click, nearly all of its time.

`gpa_mlx/data/help/COLUMNS.txt` is what click writes on a terminal of so many columns. `tests/support/help_texts.py`
makes the files, and a test compares them with click's.
"""

from __future__ import annotations

import os
import sys

from gpa_mlx.version import __version__

TYPE_CHECKING = False  # importing `typing` for it would take longer than the answer
if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "gpa-mlx"
USUAL_COLUMNS = 80
WIDEST_COLUMNS = 100
"""Help is never wider, however wide the terminal is."""


def ready_answer(words: Sequence[str], columns: int) -> bytes | None:
    """Return what the program writes when it is asked for its help or version and nothing else.

    Args:
        words: After the program's name.
        columns: Of the terminal.

    Returns:
        None when click has to answer: another question, or a width for which no text is ready.
    """
    if words == ["--version"]:
        return f"{PROGRAM} {__version__}\n".encode()
    if words not in (["--help"], ["-h"]):
        return None
    try:
        with open(help_file(min(columns, WIDEST_COLUMNS)), "rb") as file:
            return file.read()
    except OSError:
        return None


def help_file(columns: int) -> str:
    """Return where the help for a terminal of so many columns is or would be."""
    return os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "help", f"{columns}.txt")


def answer_at_once(words: Sequence[str]) -> bool:
    """Write the answer if one is ready; False leaves it to click, which also knows what a failure of writing means."""
    if sys.stdout is None:  # closed by the caller
        return False
    output = sys.stdout.fileno()
    answer = ready_answer(words, _columns(output))
    if answer is None:
        return False
    try:
        while answer:
            answer = answer[os.write(output, answer) :]
    except OSError:
        return False
    return True


def _columns(output: int) -> int:
    """Do as `shutil.get_terminal_size`, whose module takes longer to import than the answer."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(output).columns
        except OSError:
            columns = 0
    return columns if columns > 0 else USUAL_COLUMNS
