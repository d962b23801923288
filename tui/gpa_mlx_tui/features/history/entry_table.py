"""The dictations as a table: searched, marked, each with a plain word for what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from gpa_mlx.text.quantities import readable_duration, readable_size
from gpa_mlx_tui.themes import symbols_of
from gpa_mlx_tui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.history import Entry

_COLUMNS = (
    Column("", 3),
    Column("", 1),
    Column("When", 16, drop=1),
    Column("Length", 7, drop=2),
    Column("Text or problem"),
)
_EMPTY = """\
Nothing was dictated yet. What you dictate, F2, is kept here
with its sound, so that nothing is lost."""
_UNFOUND = "Nothing here has these words. Empty the line above to see everything."


def state_words(entry: Entry) -> str:
    """Return what became of a dictation, for people."""
    if entry.in_use:
        return "being recorded" if entry.state == "recording" else "being worked on"
    if entry.state == "recognised":
        return "written down" if entry.text else "no words heard"
    return "could not be written down" if entry.state == "failed" else "not written down yet"


class EntryTable(Rows):
    """Lists the dictations that have the words that are looked for, the newest first; Space marks several.

    Args:
        id: Of the widget.

    Attributes:
        entries: All of them.
        words: What is looked for, in text, date, microphone and state; empty shows all.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "screen.mark", "Mark", show=False)]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(_COLUMNS, note=_EMPTY, id=id)
        self.entries: tuple[Entry, ...] = ()
        self.words = ""
        self._marked: set[str] = set()

    @property
    def found(self) -> tuple[Entry, ...]:
        """Those that are shown."""
        words = self.words.casefold().split()
        return tuple(entry for entry in self.entries if all(word in _searched(entry) for word in words))

    @property
    def chosen_entry(self) -> Entry | None:
        """The one under the cursor."""
        return next((entry for entry in self.entries if entry.name == self.chosen), None)

    @property
    def marked(self) -> tuple[Entry, ...]:
        """Those that are marked and shown, the oldest first."""
        return tuple(entry for entry in reversed(self.found) if entry.name in self._marked)

    @property
    def selected(self) -> tuple[Entry, ...]:
        """What is marked, the oldest first; the chosen one where nothing is."""
        entry = self.chosen_entry
        return self.marked or (() if entry is None else (entry,))

    def take(self, entries: Sequence[Entry]) -> None:
        """Show these; those that are gone are marked no more."""
        self.entries = tuple(entries)
        self._marked &= {entry.name for entry in entries}
        self.show_entries()

    def mark_chosen(self) -> None:
        """Mark the chosen one, or no more, and go to the next."""
        if self.chosen is not None:
            self._marked ^= {self.chosen}
            self.show_entries()
            self.action_cursor_down()

    def mark_all(self) -> None:
        """Mark everything that is shown; nothing any more if all is marked."""
        names = {entry.name for entry in self.found}
        self._marked = set() if names <= self._marked else names
        self.show_entries()

    def search(self, words: str) -> None:
        """Show what has these words."""
        self.words = words
        self.show_entries()

    def show_entries(self) -> None:
        """Show how all stand."""
        self.note = _UNFOUND if self.entries else _EMPTY
        self.show([(entry.name, self._cells(entry)) for entry in self.found])

    def describe(self, total_bytes: int) -> str:
        """Return how many are marked or found, or how many there are and what they take on disk."""
        count = len(self.entries)
        if self.marked:
            return f"{len(self.marked)} marked"
        if self.words.strip():
            return f"{len(self.found)} of {count} found"
        return f"{count} recording{'' if count == 1 else 's'}, {readable_size(total_bytes)}" if count else ""

    def _cells(self, entry: Entry) -> tuple[str, ...]:
        symbols = symbols_of(self.app)
        signs = {
            "recording": symbols.recording,
            "recorded": symbols.idle,
            "recognised": symbols.done,
            "failed": symbols.failed,
        }
        sign = symbols.busy if entry.in_use else signs[entry.state]
        mark = "[x]" if entry.name in self._marked else ""
        when = f"{entry.recorded_at:%Y-%m-%d %H:%M}"
        text = entry.text or (f"({state_words(entry)})" if entry.in_use or not entry.error else entry.error)
        return mark, sign, when, readable_duration(entry.duration_s), text


def _searched(entry: Entry) -> str:
    when = f"{entry.recorded_at:%Y-%m-%d %H:%M %A %B}"
    return f"{entry.text} {when} {entry.device} {state_words(entry)} {entry.error} {entry.name}".casefold()
