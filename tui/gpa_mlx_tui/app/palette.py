"""The command palette: everything a key can do, found by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from gpa_mlx.settings import KEYS
from gpa_mlx_tui.bindings import APP, Key, shown_key
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.themes import ASCII, THEMES, style_scrollbars, symbols_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.types import IgnoreReturnCallbackType


class Palette(CommandPalette):
    """Textual's palette, with scroll bars of ASCII where the app draws so."""

    def __init__(self) -> None:
        super().__init__(placeholder="Find a command", id="--command-palette")

    def on_mount(self) -> None:
        """Set the scroll bars right."""
        if symbols_of(self.app) is ASCII:
            style_scrollbars(self, ascii_only=True)


class Commands(Provider):
    """Every row of the table of keys, those that mean something now first; the settings; the colours."""

    async def discover(self) -> Hits:
        """Offer everything."""
        for name, about, run in self._commands():
            yield DiscoveryHit(name, run, help=about)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        for name, about, run in self._commands():
            if (score := matcher.match(f"{name} {about}")) > 0:
                yield Hit(score, matcher.highlight(name), run, help=about)

    def _commands(self) -> Iterator[tuple[str, str, IgnoreReturnCallbackType]]:
        app = app_services(self.screen)
        titles = {mode.id: mode.title for mode in MODES}
        current = self.screen.mode if isinstance(self.screen, ModeScreen) else APP
        order = [current, APP, *(mode for mode in titles if mode != current)]
        for row in sorted(app.keys, key=lambda row: order.index(row.mode)):
            if row.action != "command_palette":
                where = "" if row.mode == APP else f"{titles[row.mode]}: "
                yield f"{where}{row.label} ({shown_key(row.keys[0])})", row.tooltip, self._runner(row)
        for name, key in KEYS.items():
            if name != "keys":
                yield f"Setting: {name}", key.help, self._setter(name)
        for name in THEMES:
            yield f"{name.capitalize()} colours", "Change the colours until you leave.", self._painter(name)

    def _runner(self, row: Key) -> IgnoreReturnCallbackType:
        app = app_services(self.screen)

        async def run() -> None:
            if row.mode == APP:
                await self.app.run_action(row.action, self.app)
            else:
                await app.action_go(row.mode)
                await self.app.run_action(row.action, self.app.screen)

        return run

    def _setter(self, name: str) -> IgnoreReturnCallbackType:
        app = app_services(self.screen)

        async def run() -> None:
            await app.action_go("settings")
            await self.app.run_action(f"screen.change({name!r})", self.app.screen)

        return run

    def _painter(self, name: str) -> IgnoreReturnCallbackType:
        def paint() -> None:
            self.app.theme = THEMES[name].name

        return paint
