"""A line to change a value in."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class ValueField(Input):
    """An `Input` that Escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]

    class Left(Message):
        """Nothing is to be changed."""

    def action_leave(self) -> None:
        """Leave it."""
        self.post_message(self.Left())
