"""Every key of the app in one table: footer, Help, `gpa-mlx tui --help` and the settings file read it from here."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gpa_mlx.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from textual.binding import Binding

_PLATFORM = sys.platform
_F_KEY = re.compile(r"f[0-9]+")
_NAMES = {
    "pagedown": "PageDown",
    "pageup": "PageUp",
    "escape": "Esc",
    "right_square_bracket": "]",
    "backslash": "\\",
    "underscore": "_",
}

APP = "app"
"""The mode of the keys that work everywhere."""


@dataclass(frozen=True, slots=True)
class Key:
    """One thing a key does.

    Attributes:
        id: `mode.action`; the name in the settings file. The screen of the mode, or the app, has `action_<action>`.
        key: Textual's names of the keys, separated by commas.
        label: One or two words for the footer.
        tooltip: One sentence for Help.
        shown: Whether the footer has it.
    """

    id: str
    key: str
    label: str
    tooltip: str
    shown: bool = True

    @property
    def mode(self) -> str:
        """Where it works: the id of a mode, or `APP`."""
        return self.id.partition(".")[0]

    @property
    def action(self) -> str:
        """The action of the screen or the app; `app.mode_<id>` goes to a mode."""
        name = self.id.partition(".")[2]
        return f"go({name.removeprefix('mode_')!r})" if name.startswith("mode_") else name

    @property
    def keys(self) -> tuple[str, ...]:
        """The single keys."""
        return tuple(key.strip() for key in self.key.split(","))


TABLE: tuple[Key, ...] = (
    Key("app.mode_dictate", "f2", "Dictate", "Write down what you say.", shown=False),
    Key("app.mode_speak", "f3", "Speak", "Say a text in a voice.", shown=False),
    Key("app.mode_voice", "f4", "Voice", "Make a voice from a recording; keep voices and pass them on.", shown=False),
    Key("app.mode_convert", "f5", "Convert", "Say what a recording says in another voice.", shown=False),
    Key("app.mode_files", "f6", "Files", "Write many recordings down.", shown=False),
    Key("app.mode_history", "f7", "History", "See, hear and use what was dictated.", shown=False),
    Key("app.mode_models", "f8", "Models", "Install, choose and check models.", shown=False),
    Key("app.mode_settings", "f9", "Settings", "Change settings and keys.", shown=False),
    Key("app.mode_help", "f1,alt+h,ctrl+underscore", "Help", "Show what every key does."),
    Key(
        "app.next_mode",
        "alt+pagedown,ctrl+pagedown,ctrl+right_square_bracket",
        "Next",
        "Go to the next mode.",
        shown=False,
    ),
    Key(
        "app.previous_mode",
        "alt+pageup,ctrl+pageup,ctrl+backslash",
        "Previous",
        "Go to the previous mode.",
        shown=False,
    ),
    Key("app.command_palette", "ctrl+p,alt+p", "Commands", "Find any command by its name."),
    Key("app.cancel", "escape", "Cancel", "Stop what this mode is doing; what is done stays.", shown=False),
    Key(
        "app.interrupt", "ctrl+c", "Interrupt", "Copy what is selected in a text, else the same as Escape.", shown=False
    ),
    Key("app.suspend", "ctrl+z", "Suspend", "Leave the app waiting; `fg` in the shell comes back.", shown=False),
    Key("app.quit", "ctrl+q,alt+q", "Quit", "Leave, after a question if something runs or is not saved."),
    Key("dictate.record", "ctrl+r", "Record", "Start recording; once more to finish and see the text."),
    Key("dictate.open", "ctrl+o", "Open", "Write down a recording from a file."),
    Key("dictate.copy", "ctrl+f,ctrl+b", "Copy", "Copy the text to the clipboard."),
    Key("dictate.save", "ctrl+d,ctrl+s", "Save", "Save the text as a file."),
    Key("dictate.clear", "ctrl+g", "New", "Empty the text for a new one.", shown=False),
    Key("dictate.pause", "ctrl+l", "Pause", "Leave out what is said, or go on.", shown=False),
    Key(
        "dictate.choices", "ctrl+n", "Options", "Choose what is done with each text: copy, append, digits.", shown=False
    ),
    Key("dictate.words", "ctrl+e,alt+w", "Words", "Edit your own words and names.", shown=False),
    Key("dictate.again", "ctrl+t", "Again", "Write the same recording down with another model."),
    Key("speak.speak", "ctrl+r", "Speak", "Say the text, and play it while it is made."),
    Key("speak.play", "ctrl+l", "Pause/play", "Pause the sound, go on, or play it once more."),
    Key("speak.open", "ctrl+o", "Open", "Take the text from a file."),
    Key("speak.voice", "ctrl+t", "Voice", "Choose who speaks."),
    Key("speak.redo", "ctrl+n", "Redo", "Say the chosen passage again, another way; the others stay.", shown=False),
    Key("speak.save", "ctrl+d,ctrl+s", "Save", "Save the speech as a WAV file, with subtitles if wanted."),
    Key("files.start", "ctrl+r", "Start", "Write down everything that waits."),
    Key("files.add", "ctrl+o", "Add", "Add a recording; paths can also be typed, pasted or dropped."),
    Key("files.add_folder", "ctrl+g", "Folder", "Add all recordings in a folder."),
    Key("files.stop", "ctrl+t", "Stop one", "Stop the chosen recording, or leave it out; the rest goes on."),
    Key("files.again", "ctrl+n", "Again", "Try what failed or was stopped once more."),
    Key("files.folder", "ctrl+d,ctrl+s", "Save to", "Choose where the texts go.", shown=False),
    Key("files.copy", "ctrl+f,ctrl+b", "Copy", "Copy the text of the chosen recording.", shown=False),
    Key("files.clear", "ctrl+l", "Clear", "Take everything that is done out of the queue.", shown=False),
    Key("files.remove", "delete,backspace", "Remove", "Take the chosen recording out of the queue.", shown=False),
    Key("history.play", "ctrl+l", "Play", "Play the chosen recording, pause, or go on."),
    Key("history.retry", "ctrl+r", "Recognise", "Recognise the marked recordings, or the chosen one, again."),
    Key("history.copy", "ctrl+f,ctrl+b", "Copy", "Copy the text to the clipboard."),
    Key("history.speak", "ctrl+t", "Speak", "Take the text to Speak, to be said in a voice."),
    Key("history.retry_all", "ctrl+n", "All", "Recognise everything that is not written down yet."),
    Key("history.find", "ctrl+o", "Find", "Go to the line in which words are searched.", shown=False),
    Key("history.mark_all", "ctrl+g", "Mark all", "Mark everything that is shown; Space marks one.", shown=False),
    Key(
        "history.delete",
        "delete,backspace",
        "Delete",
        "Delete the marked recordings, or the chosen one, and their texts.",
        shown=False,
    ),
    Key("models.use", "ctrl+t", "Use", "Work with the chosen model from now on."),
    Key("models.default", "ctrl+d,ctrl+s", "Default", "Use the chosen model whenever none is named.", shown=False),
    Key("models.pull", "ctrl+r", "Pull", "Download a model and convert it."),
    Key("models.convert", "ctrl+o", "Convert", "Convert a published model that is in a folder here."),
    Key("models.verify", "ctrl+l", "Verify", "Compare every file with what was written."),
    Key("models.repair", "ctrl+n", "Repair", "Make the chosen model again if it is damaged.", shown=False),
    Key("models.remove", "delete,backspace", "Remove", "Remove the chosen model from the disk.", shown=False),
    Key("settings.edit", "ctrl+r", "Change", "Change the chosen setting or key; Enter does, too."),
    Key("settings.reset", "delete,backspace", "Reset", "Take the chosen setting back to its default.", shown=False),
    Key("voice.record", "ctrl+r", "Record", "Record yourself for a new voice; once more to finish."),
    Key("voice.open", "ctrl+o", "Open", "Add a recording for a new voice; the best part of all is taken."),
    Key("voice.make", "ctrl+t", "Make", "Make the voice, and measure how like it the model speaks."),
    Key("voice.play", "ctrl+l", "Play", "Hear the voice, pause or go on."),
    Key("voice.compare", "ctrl+g", "A/B", "Hear the recording that the new voice was made from."),
    Key("voice.save", "ctrl+d,ctrl+s", "Keep", "Keep the new voice, or export the card of the chosen one."),
    Key("voice.copy", "ctrl+f,ctrl+b", "Copy", "Copy the card of the chosen voice.", shown=False),
    Key("voice.card", "ctrl+n", "Paste card", "Add a voice from its card.", shown=False),
    Key("voice.rename", "ctrl+e,alt+r", "Rename", "Give the chosen voice another name.", shown=False),
    Key(
        "voice.remove",
        "delete,backspace,alt+d",
        "Remove",
        "Remove the chosen voice from the library.",
        shown=False,
    ),
    Key("convert.convert", "ctrl+r", "Convert", "Say what the recording says in the voice."),
    Key("convert.open", "ctrl+o", "Open", "Take the recording from a file."),
    Key("convert.record", "ctrl+n", "Record", "Record something to convert; once more to finish.", shown=False),
    Key("convert.voice", "ctrl+t", "Voice", "Choose who shall say it."),
    Key("convert.play", "ctrl+l", "Play", "Hear it, pause or go on."),
    Key("convert.compare", "ctrl+g", "A/B", "Go on with the source instead of the result, or the other way round."),
    Key("convert.save", "ctrl+d,ctrl+s", "Save", "Save the result as a WAV file that says how it was made."),
)
"""The default keys, the one that is shown first. A new mode adds its row `app.mode_<id>` and its rows `<id>.<action>`.

Terminals and what runs in them take keys for themselves: tmux Ctrl+B, screen Ctrl+A, flow control Ctrl+S and Ctrl+Q, a
window with tabs Ctrl+PageUp and Ctrl+PageDown, GNOME's terminal F1, docker Ctrl+P; a Mac types a letter for Option, and
its F-keys need fn. None of them is the only one.
"""

_AFTER_WIDGETS = {
    "app.cancel",
    "app.interrupt",
    "app.suspend",
    "files.remove",
    "history.delete",
    "models.remove",
    "settings.reset",
    "voice.remove",
}
"""Escape first closes what is open in a widget; a text field copies with Ctrl+C, takes back with Ctrl+Z and deletes
with Delete."""


def keys_of(mode: str, table: Iterable[Key] = TABLE) -> list[Key]:
    """Return the rows of one mode, or of `APP`."""
    return [row for row in table if row.mode == mode]


def bindings_of(mode: str) -> list[Binding]:
    """Return the rows of one mode as Textual's bindings, with the ids by which the settings file changes them."""
    from textual.binding import Binding

    return [
        Binding(
            row.key,
            row.action,
            row.label,
            show=row.shown,
            tooltip=row.tooltip,
            id=row.id,
            priority=row.id not in _AFTER_WIDGETS,
        )
        for row in keys_of(mode)
    ]


def remapped(changes: Mapping[str, str]) -> tuple[Key, ...]:
    """Return the table with the user's keys.

    Args:
        changes: Keys by the id of what they do.

    Raises:
        SettingsError: There is no such id, the key is one that is typed, or two actions have the same key.
    """
    known = {row.id for row in TABLE}
    for name, key in changes.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise SettingsError(
                f"There is nothing called '{name}' that a key could do.",
                hint=f"Did you mean '{close[0]}'?" if close else "Help, F1, lists the names.",
            )
        if not all(_is_usable(one.strip()) for one in key.split(",")):
            raise SettingsError(
                f"The key '{key}' cannot be used for '{name}'.",
                hint="Use keys that write nothing, such as ctrl+g, f5 or alt+x.",
            )
    table = tuple(replace(row, key=changes.get(row.id, row.key)) for row in TABLE)
    _require_distinct(table)
    return table


def usable_keys(changes: Mapping[str, str]) -> tuple[dict[str, str], tuple[SettingsError, ...]]:
    """Return those of the user's keys that can be used, and why the others cannot.

    Args:
        changes: As for `remapped`.
    """
    usable: dict[str, str] = {}
    problems = []
    for name, key in changes.items():
        try:
            remapped({**usable, name: key})
        except SettingsError as error:
            undo = f"`gpa-mlx settings unset keys.{name}` takes it out."
            problems.append(SettingsError(error.message, hint=f"{error.hint} {undo}"))
        else:
            usable[name] = key
    return usable, tuple(problems)


def shown_key(key: str, separator: str = " ", platform: str | None = None) -> str:
    """Return a key as people press it: `ctrl+pagedown` is `Ctrl+PageDown`, and `f2` of a Mac is `fn+F2`.

    Args:
        key: Textual's names of the keys, separated by commas.
        separator: Between keys.
        platform: As `sys.platform`; None takes that.
    """
    is_mac = (platform or _PLATFORM) == "darwin"
    names = {**_NAMES, "alt": "Option"} if is_mac else _NAMES
    shown = []
    for one in key.split(","):
        parts = one.strip().split("+")
        needs_fn = is_mac and _F_KEY.fullmatch(parts[-1]) is not None
        shown.append("+".join([*["fn"] * needs_fn, *(names.get(part, part.capitalize()) for part in parts)]))
    return separator.join(shown)


def _is_usable(key: str) -> bool:
    return len(key) > 1 and key not in {"space", "enter", "tab", "backspace", "delete"}


def _require_distinct(table: Iterable[Key]) -> None:
    taken: dict[tuple[str, str], Key] = {}
    rows = sorted(table, key=lambda row: row.mode != APP)
    for row in rows:
        for key in row.keys:
            other = taken.get((APP, key)) or taken.get((row.mode, key))
            if other is not None:
                raise SettingsError(
                    f"The key '{key}' is given to both '{other.id}' and '{row.id}'.", hint="Give one of them another."
                )
            taken[row.mode, key] = row
