"""What a person has to see, hear or allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.doctor.first_run.processes import last_words
from gpa_mlx.doctor.first_run.step import StepSkippedError
from gpa_mlx.errors import GPAError
from gpa_mlx.model.demo import NAME, SENTENCE, demo_voices
from gpa_mlx.runtime.clipboard import copy_text, paste_text

if TYPE_CHECKING:
    from gpa_mlx.doctor.first_run.step import Notes, Person, Surroundings

CLIPBOARD_TEXT = "gpa-mlx: Grüße, 三二一 ✓"
"""Beyond ASCII: without a locale macOS takes UTF-8 for something else."""

_DEADLINE_S = 60.0


def try_microphone(surroundings: Surroundings, notes: Notes) -> None:
    """Listen as the doctor does while somebody speaks; nothing is kept."""
    _agreed(
        surroundings,
        "The microphone is listened to for a second, nothing is kept. macOS may ask whether the terminal may use it. "
        "Go on, and speak until the next question?",
    )
    heard = surroundings.processes.measure("microphone", deadline_s=_DEADLINE_S)
    if "missing" in heard:
        raise StepSkippedError(heard["missing"])
    findings = notes.facts["findings"] = heard["findings"]
    notes.problems += [finding["what"] for finding in findings if finding["status"] == "warning"]
    notes.summary = " ".join(finding["what"] for finding in findings if finding["status"] != "warning")


def try_loudspeaker(surroundings: Surroundings, notes: Notes) -> None:
    """Play speech and ask whether it was heard."""
    person = _agreed(surroundings, f"The computer says '{SENTENCE}' aloud. Go on?")
    arguments = ("speak", SENTENCE, "--voice", demo_voices()[0].name, "--model", NAME, "--seed", "1", "--play")
    ended = surroundings.processes.program(*arguments, deadline_s=_DEADLINE_S)
    notes.facts |= {"code": ended.code, "seconds": round(ended.seconds, 2)}
    if ended.code != 0:
        notes.problems.append(f"`gpa-mlx speak --play` {ended.fate}{last_words(ended)}.")
        return
    notes.facts["heard"] = person.agrees("Did you hear the four words, without gaps or noise?")
    if not notes.facts["heard"]:
        notes.problems.append("The words were not heard well.")
    notes.summary = "heard" if notes.facts["heard"] else "not heard"


def try_clipboard(surroundings: Surroundings, notes: Notes) -> None:
    """Copy text beyond ASCII, read it back and let it be pasted; a text that was there before comes back."""
    person = _agreed(
        surroundings,
        "The clipboard is replaced for a moment. A text that is on it comes back, a picture does not. Go on?",
    )
    try:
        before = paste_text()
    except GPAError:
        before = ""  # a terminal's over ssh can only be written
    copy_text(CLIPBOARD_TEXT)
    try:
        try:
            notes.facts["reads_back"] = paste_text() == CLIPBOARD_TEXT
        except GPAError as error:
            notes.facts["reads_back"] = error.message
        if notes.facts["reads_back"] is False:
            notes.problems.append("Another text came back from the clipboard.")
        question = f"Paste into another program now. Does it show: {CLIPBOARD_TEXT} ?"
        notes.facts["pasted"] = person.agrees(question)
        if not notes.facts["pasted"]:
            notes.problems.append("The text was not pasted as it is.")
    finally:
        if before:
            copy_text(before)
    notes.summary = "pasted as it is" if notes.facts["pasted"] else "not pasted as it is"


def _agreed(surroundings: Surroundings, question: str) -> Person:
    """Return whom to ask, if somebody is there and agrees."""
    if surroundings.person is None:
        raise StepSkippedError("nobody is asked")
    if not surroundings.person.agrees(question):
        raise StepSkippedError("declined")
    return surroundings.person
