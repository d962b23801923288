"""Where a dictated text goes: standard output, a file, the clipboard, the app in front."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.cli.diagnostics import Diagnostics, ExitCode
from gpa_mlx.cli.heard import finished_document, show_replacements
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpa_mlx.dictation import Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Brings texts to where the user wants them.

    Attributes:
        diagnostics: Hears what was changed and what did not work.
        clipboard: Copy the text; None: if standard output is a terminal and nothing is pasted, and if it works.
        append: File to add the text to.
        paste: Paste it into the app in front.
        as_json: Write JSON instead of text.
    """

    diagnostics: Diagnostics
    clipboard: bool | None
    append: Path | None
    paste: bool
    as_json: bool

    def check(self) -> None:
        """Refuse what cannot work before anybody speaks.

        Raises:
            SettingsError: Nothing can be pasted here.
            GPAError: The file cannot be written.
        """
        if self.paste:
            from gpa_mlx.cli.paste import require_paste

            require_paste()
        if self.append is not None:
            from gpa_mlx.store.text_output import require_appendable

            require_appendable(self.append)

    def deliver(self, finished: Finished) -> ExitCode:
        """Bring one text to all places; one that fails keeps it from no other."""
        show_replacements(finished.replacements, self.diagnostics)
        if self.as_json:
            write_json(finished_document(finished))
        elif finished.text:
            say(finished.text)
        if not finished.text:
            self.diagnostics.note("no speech was heard.")
            return ExitCode.OK
        places: list[Callable[[str], None]] = []
        if self.append is not None:
            places.append(self._append)
        if self.clipboard or (self.clipboard is None and sys.stdout.isatty() and not self.paste):
            places.append(self._copy)
        if self.paste:
            places.append(self._paste)
        failure = ExitCode.OK
        for place in places:
            try:
                place(finished.text)
            except GPAError as error:
                failure = failure or self.diagnostics.report(error)
        return failure

    def _append(self, text: str) -> None:
        from gpa_mlx.store.text_output import append_text

        assert self.append is not None
        append_text(self.append, text)

    def _copy(self, text: str) -> None:
        from gpa_mlx.runtime.clipboard import copy_text

        try:
            copy_text(text)
        except GPAError as error:
            if self.clipboard:
                raise
            self.diagnostics.note(f"the text was not copied: {error.message}")
        else:
            self.diagnostics.inform("copied to the clipboard")

    def _paste(self, text: str) -> None:
        from gpa_mlx.cli.paste import paste_into_front_app

        paste_into_front_app(text)
