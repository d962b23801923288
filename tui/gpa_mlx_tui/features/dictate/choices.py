"""What is done with each text besides showing it, and the dialogue in which that is chosen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from gpa_mlx.errors import GPAError
from gpa_mlx.store.text_output import require_appendable
from gpa_mlx_tui.services.kept_state import Kept, kept_flag, kept_text
from gpa_mlx_tui.services.typed_paths import typed_path
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog
from gpa_mlx_tui.widgets.file_fields import PathInput
from gpa_mlx_tui.widgets.toggle import Toggle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from gpa_mlx.dictation import DictationOptions

_LABELS: Mapping[str, tuple[str, str]] = {
    "copies": ("Copy each text when it is done", "To the clipboard."),
    "digits": ("Write numbers in digits", "Twenty-one becomes 21."),
    "punctuation": ("Write spoken punctuation", "Comma, period, question mark, new line, new paragraph."),
    "sounds": ("Play a tone at start and stop", "A rising one, and a falling one."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DictationChoices:
    """What is done with each text.

    Attributes:
        copies: Copy it when it is done.
        digits: Write numbers in digits.
        punctuation: Write signs for their spoken names.
        sounds: Play a tone when a recording begins and when it is over.
        append_to: File to which it is added; empty: none.
    """

    copies: bool = False
    digits: bool = False
    punctuation: bool = False
    sounds: bool = False
    append_to: str = ""

    @classmethod
    def brought_back(cls, kept: Kept) -> DictationChoices:
        """Return what was chosen in the last run."""
        flags = {name: kept_flag(kept, name) for name in _LABELS}
        return cls(**flags, append_to=kept_text(kept, "append_to"))

    def keep(self) -> Kept:
        """Return it for the next start."""
        return asdict(self)

    def applied(self, options: DictationOptions) -> DictationOptions:
        """Return options with what concerns the text."""
        return replace(options, digits=self.digits or options.digits, spoken_punctuation=self.punctuation)

    @property
    def summary(self) -> str:
        """What is on, in a few words; empty: nothing."""
        words = {
            "copied": self.copies,
            f"added to {Path(self.append_to).name}": bool(self.append_to),
            "digits": self.digits,
            "spoken punctuation": self.punctuation,
        }
        return ", ".join(name for name, is_on in words.items() if is_on)


class ChoicesDialog(Dialog[DictationChoices]):
    """Asks what is done with each text; gives the choices, or None for Escape.

    Args:
        choices: What holds now.
    """

    DEFAULT_CSS = """
    ChoicesDialog Toggle { height: 1; }
    ChoicesDialog #append_to { margin-top: 1; }
    """

    def __init__(self, choices: DictationChoices) -> None:
        super().__init__()
        self._choices = choices

    def compose(self) -> ComposeResult:
        """Lay out a switch for each choice, and the file."""
        held = asdict(self._choices)
        with Vertical(classes="dialog"):
            yield Label("With each text", classes="question", markup=False)
            for name, (label, tooltip) in _LABELS.items():
                yield Toggle(label, bool(held[name]), id=name, tooltip=tooltip)
            yield PathInput(
                self._choices.append_to, placeholder="also add it to this file", id="append_to", compact=True
            )
            yield Label("", id="problem", markup=False)
            with Horizontal(classes="row"):
                yield Button("Done", id="done", variant="primary")

    def on_input_submitted(self) -> None:
        """Take the choices."""
        self._take()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the choices."""
        event.stop()
        self._take()

    def _take(self) -> None:
        written = self.query_one("#append_to", Input).value.strip()
        path = typed_path(written) if written else None
        problem = ""
        if written and path is None:
            problem = "Name one file."
        elif path is not None:
            try:
                require_appendable(path)
            except GPAError as error:
                problem = error.message
        if problem:
            self.query_one("#problem", Label).update(problem)
            return
        flags = {name: self.query_one(f"#{name}", Toggle).value for name in _LABELS}
        self.dismiss(DictationChoices(**flags, append_to="" if path is None else str(path.absolute())))
