"""The switch that lets nothing stay of what is dictated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpa_mlx_tui.features.history.jobs import KeepChanged, keep_dictations
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.widgets.toggle import Toggle

if TYPE_CHECKING:
    from textual.widgets import Checkbox

    from gpa_mlx_tui.services.messages import TaskEnded


class KeepSwitch(Toggle):
    """On: a dictation is deleted once it is written down; what is in the history stays, and so does what has no text.

    Args:
        id: Of the widget.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Keep nothing", id=id, tooltip="Delete what is dictated once it is written down.")
        self._keeps = True

    def show(self, *, keeps: bool) -> None:
        """Show how it is set."""
        self._keeps = keeps
        self.value = not keeps

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Write down what the user wants."""
        event.stop()
        keeps = not event.value
        if keeps != self._keeps:
            self._keeps = keeps
            app_services(self).service.start("keep", self, lambda task: keep_dictations(task, keeps=keeps))

    def on_keep_changed(self, message: KeepChanged) -> None:
        """Let the next dictation do so."""
        message.stop()
        app, keeps = app_services(self), message.keeps
        opened = app.dictation.history
        app.dictation = replace(app.dictation, history=lambda: opened().keeping(keeps))
        words = "What is dictated from now on stays here."
        if not keeps:
            words = "What is dictated from now on is deleted once it is written down; what is here stays."
        app.show_message(words)

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say what went wrong."""
        message.stop()
        if message.error is not None:
            app_services(self).show_error(message.error)
