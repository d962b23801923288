"""The question before files are replaced: replace them, skip their recordings, or do nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Label

from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

Answer: TypeAlias = Literal["replace", "skip"]

_MOST_NAMED = 5


class ExistingFiles(Dialog[Answer]):
    """Asks what to do about files that are there already; gives the answer, or None to cancel.

    Args:
        names: Of the files, at least one.
        others: How many recordings wait whose files are not there yet.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("s", "answer('skip')", show=False),
        Binding("r", "answer('replace')", show=False),
        Binding("c", "dismiss(None)", show=False),
    ]

    def __init__(self, names: Sequence[str], others: int) -> None:
        super().__init__()
        self._names, self._others = tuple(names), others

    def compose(self) -> ComposeResult:
        """Lay out the names and three buttons; what loses nothing is chosen at first."""
        count, shown = len(self._names), list(self._names[:_MOST_NAMED])
        if count > len(shown):
            shown.append(f"and {count - len(shown)} more")
        one = count == 1
        title = f"{'This file is' if one else f'These {count} files are'} there already:"
        rest = f" and go on with the other {self._others}" if self._others else ""
        with Vertical(classes="dialog"):
            yield Label(title, classes="question", markup=False)
            yield Label("\n".join(shown), markup=False)
            yield Label(f"Skip leaves {'it as it is' if one else 'them as they are'}{rest}.", classes="quiet")
            with Horizontal(classes="row"):
                yield Button("Skip this" if one else "Skip these", id="skip", action="screen.answer('skip')")
                yield Button("Replace", id="replace", action="screen.answer('replace')", variant="primary")
                yield Button("Cancel", id="cancel", action="screen.dismiss(None)")

    def action_answer(self, answer: Answer) -> None:
        """Answer."""
        self.dismiss(answer)
