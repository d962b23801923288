"""Settings: every value and where it comes from, and every key, to be changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static

from gpa_mlx.settings import DEFAULT_ORIGIN, KEYS
from gpa_mlx_tui.bindings import APP, TABLE, shown_key
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.settings.jobs import (
    KEYS_PREFIX,
    LISTED,
    find_choices,
    read_settings,
    shown,
    take_effect,
    write_setting,
)
from gpa_mlx_tui.features.settings.press_key import PressKey
from gpa_mlx_tui.features.settings.value_field import ValueField
from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.services.typed_paths import typed_path
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Choose
from gpa_mlx_tui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from gpa_mlx.settings import LoadedSettings
    from gpa_mlx_tui.features.settings.messages import ChoicesFound, SettingRefused, SettingsRead

_COLUMNS = (Column("Setting", share=2), Column("Value", share=3), Column("From", share=2))
_NOT_SET: Mapping[str, str] = {
    "model": "none: the only one that is installed, or the demo model",
    "voice": "none: the first voice of the model",
    "microphone": "the system's choice",
    "loudspeaker": "the system's choice",
}
_ANOTHER: Mapping[str, str] = {"model": "a folder", "voice": "a recording or a card"}
"""What can be written besides what is listed."""

_NAMES_FILES = (*_ANOTHER, "words_file")


class SettingsScreen(ModeScreen):
    """One row for each setting, then one for each key."""

    mode = "settings"
    first_focus: ClassVar[str] = "#settings"

    def __init__(self) -> None:
        super().__init__()
        self.loaded: LoadedSettings | None = None
        self._edited = ""
        self._asked = ""

    def compose_body(self) -> ComposeResult:
        """Lay out the rows, what they mean, and the line to change one."""
        with Vertical(classes="body"):
            yield Rows(_COLUMNS, id="settings")
            yield Static(id="about", classes="quiet", markup=False)
            with Horizontal(classes="row", id="field"):
                yield Static(id="field_name", classes="label", markup=False)
                yield ValueField(id="value", compact=True)
            yield Static(id="problem", classes="trouble", markup=False)
            with Horizontal(classes="row"):
                yield Button("Change", id="edit", action="screen.edit", variant="primary")
                yield Button("Reset", id="reset", action="screen.reset", tooltip="Take it back to its default.")

    def on_screen_resume(self) -> None:
        """Read what is set by now."""
        if self.has_task("write"):
            return  # which tells what is set afterwards
        source = self.gpa_app.settings
        self.start("read", lambda task: read_settings(task, source), silent=True)

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_edit(self) -> None:
        """Change the chosen setting or key."""
        name = self._chosen
        if not name or self.loaded is None:
            return
        self._show_problem("")
        if name.startswith(KEYS_PREFIX):
            self._ask_key(name)
        elif name in LISTED:
            source = self.gpa_app.settings
            self.start("choices", lambda task: find_choices(task, source, name))
        elif KEYS[name].kind.choices:
            self._ask_choice(name)
        else:
            self._open_field(name)

    def action_change(self, name: str) -> None:
        """Change a setting, as soon as it is known what is set."""
        if self.loaded is None:
            self._asked = name
            return
        self._close_field()
        self.query_one(Rows).choose(name)
        self.action_edit()

    def action_reset(self) -> None:
        """Take the chosen setting out of the file."""
        name = self._chosen
        if not name or self.loaded is None:
            return
        if not self._is_in_file(name):
            self.gpa_app.show_message(f"{name} is not set in the settings file.")
        else:
            self._write(name, None)

    def on_data_table_row_selected(self) -> None:
        """Change it."""
        self.action_edit()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Say what it means."""
        self._show_about()

    def on_input_submitted(self) -> None:
        """Take the value."""
        value = self.query_one(ValueField).value.strip()
        if self._edited in _NAMES_FILES and (path := typed_path(value)) is not None and path.exists():
            value = str(path)
        if value:
            self._write(self._edited, value)
        elif self._is_in_file(self._edited):
            self._write(self._edited, None)
        else:
            self._close_field()

    def on_input_changed(self) -> None:
        """It may be right now."""
        self._show_problem("")

    def on_value_field_left(self) -> None:
        """Leave the value as it is."""
        self._close_field()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_settings_read(self, message: SettingsRead) -> None:
        """Show what is set, and let a change hold."""
        self.loaded = message.loaded
        name = message.changed
        if name:
            holds = take_effect(self.gpa_app, name, message.loaded.settings)
            self._close_field()
            origin = message.loaded.origins.get(name, "")
            if name in KEYS and origin == KEYS[name].variable:
                self.gpa_app.show_message(f"Saved, but {origin} is set in the environment and goes before it.")
            else:
                self.gpa_app.show_message("Saved." if holds else "Saved. It holds from the next start.")
        self._show_rows()
        self._show_about()
        if problems := message.loaded.problems:
            more = f" And {len(problems) - 1} more: `gpa-mlx settings` lists them." if problems[1:] else ""
            self._show_problem(f"{problems[0].message} {problems[0].hint}{more}")
        asked, self._asked = self._asked, ""
        if asked:
            self.action_change(asked)

    def on_choices_found(self, message: ChoicesFound) -> None:
        """Ask which one; one that is set and not there can stay."""
        assert self.loaded is not None
        name = message.setting
        value = shown(name, self.loaded.settings)
        listed = {choice.value: choice.about for choice in message.choices}
        if value and value not in listed:
            listed = {value: "set now; not found here", **listed}
        names = list(listed)
        offered, about = [_NOT_SET[name], *names], ["", *listed.values()]
        if name in _ANOTHER:
            offered.append(f"{_ANOTHER[name]}{self.gpa_app.symbols.ellipsis}")
            about.append("its whole path")

        def take(index: int | None) -> None:
            if index == 0 and self._is_in_file(name):
                self._write(name, None)
            elif index is not None and index > len(names):
                self._open_field(name)
            elif index:
                self._write(name, names[index - 1])

        current = names.index(value) + 1 if value else 0
        self.app.push_screen(Choose(KEYS[name].help, offered, about, current=current), take)

    def on_setting_refused(self, message: SettingRefused) -> None:
        """Say what is wrong with it, in the line of its field or in its place."""
        self._show_problem(f"{message.error.message} {message.error.hint}")

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> str:
        return self.query_one(Rows).chosen or ""

    def _is_in_file(self, name: str) -> bool:
        if self.loaded is None:
            return False
        if name.startswith(KEYS_PREFIX):
            return name.removeprefix(KEYS_PREFIX) in self.loaded.settings.keys
        return self.loaded.origins[name] not in (DEFAULT_ORIGIN, KEYS[name].variable)

    def _write(self, name: str, text: str | None) -> None:
        source = self.gpa_app.settings
        self.cancel("read")  # it may have read before, and report after
        self.start("write", lambda task: write_setting(task, source, name, text))

    def _ask_key(self, name: str) -> None:
        assert self.loaded is not None
        row = next(row for row in self.gpa_app.keys if row.id == name.removeprefix(KEYS_PREFIX))

        def take(key: str | None) -> None:
            if key is not None:
                self._write(name, key)

        self.app.push_screen(PressKey(f"{row.label}, now {shown_key(row.key)}", self.loaded.settings.keys), take)

    def _ask_choice(self, name: str) -> None:
        assert self.loaded is not None
        options = KEYS[name].kind.choices
        value = shown(name, self.loaded.settings)

        def take(index: int | None) -> None:
            if index is not None:
                self._write(name, options[index])

        current = options.index(value) if value in options else 0
        self.app.push_screen(Choose(KEYS[name].help, options, current=current), take)

    def _open_field(self, name: str) -> None:
        assert self.loaded is not None
        self._edited = name
        self.query_one("#field_name", Static).update(name)
        self.query_one("#field").add_class("-open")
        field = self.query_one(ValueField)
        field.value = shown(name, self.loaded.settings)
        field.placeholder = KEYS[name].kind.form
        field.focus()

    def _close_field(self) -> None:
        self._edited = ""
        self._show_problem("")
        self.query_one("#field").remove_class("-open")
        if isinstance(self.focused, ValueField):
            self.query_one(Rows).focus()

    def _show_problem(self, words: str) -> None:
        self.query_one("#problem", Static).update(words)

    def _show_rows(self) -> None:
        assert self.loaded is not None
        values, origins = self.loaded.settings, self.loaded.origins
        rows = []
        for name in KEYS:
            if name != "keys":
                origin = origins[name]
                place = origin if origin in (DEFAULT_ORIGIN, KEYS[name].variable) else "settings file"
                rows.append((name, (name, shown(name, values) or "-", place)))
        titles = {APP: "everywhere", **{mode.id: mode.title for mode in MODES}}
        for row in self.gpa_app.keys:
            place = "settings file" if row.id in values.keys else DEFAULT_ORIGIN
            label = f"{titles.get(row.mode, row.mode)}: {row.label}"
            rows.append((f"{KEYS_PREFIX}{row.id}", (f"key {row.id}", f"{shown_key(row.key)}  ({label})", place)))
        self.query_one(Rows).show(rows)

    def _show_about(self) -> None:
        name = self._chosen
        words = ""
        if name.startswith(KEYS_PREFIX):
            row = next(row for row in TABLE if row.id == name.removeprefix(KEYS_PREFIX))
            words = f"{row.tooltip}\nBy default {shown_key(row.key)}. Enter, then press the new key."
        elif name and self.loaded is not None:
            origin = self.loaded.origins[name]
            place = "" if origin == DEFAULT_ORIGIN else f" Set by {origin}."
            words = f"{KEYS[name].help}\nIt is {KEYS[name].kind.form}.{place}"
        self.query_one("#about", Static).update(words)
