"""The app: started in a terminal, drawn, and left by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.model.demo import NAME

if TYPE_CHECKING:
    from gpa_mlx.doctor.first_run.step import Notes, Surroundings

_TITLE = "Dictate"
"""A tab of the app."""
_QUIT = b"\x11"
"""Ctrl+Q."""

_DRAW_DEADLINE_S = 120.0
_LEAVE_DEADLINE_S = 60.0
_LAST_LINES = 40


def try_app(surroundings: Surroundings, notes: Notes) -> None:
    """Start `gpa-mlx tui` and leave it; the exit code must be 0 and the terminal as it was."""
    run = surroundings.processes.on_screen(
        "tui",
        "--model",
        NAME,
        words=_TITLE,
        key=_QUIT,
        draw_deadline_s=_DRAW_DEADLINE_S,
        leave_deadline_s=_LEAVE_DEADLINE_S,
    )
    notes.facts |= {"code": run.code, "drawn_s": run.drawn_s, "left_s": run.left_s, "left_screen": run.left_screen}
    if run.drawn_s is None:
        notes.problems.append("The app was not drawn.")
    elif run.code is None:
        notes.problems.append("Ctrl+Q did not end the app.")
    elif not run.left_screen:
        notes.problems.append("The app left its screen in the terminal.")
    if run.code:
        notes.problems.append(f"The app ended with exit code {run.code}.")
    if notes.problems:
        notes.facts["text"] = run.text.splitlines()[-_LAST_LINES:]
    elif run.drawn_s is not None and run.left_s is not None:
        notes.summary = f"drawn after {run.drawn_s:.1f} s, left within {run.left_s:.1f} s"
