"""What screens and widgets may ask of the app: a protocol, so that they need not know the app's class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.message_pump import MessagePump

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.errors import GPAError
    from gpa_mlx.settings import SettingsSource
    from gpa_mlx_tui.bindings import Key
    from gpa_mlx_tui.services.kept_state import KeptState
    from gpa_mlx_tui.services.microphone import DictationDependencies
    from gpa_mlx_tui.services.service import Service
    from gpa_mlx_tui.themes import Symbols


class AppServices(Protocol):
    """The app, as its modes see it.

    Attributes:
        service: The way to the model.
        output: Where sound is played; None means the system's default output.
        dictation: Microphone, history and words.
        keys: The table of keys with the user's changes.
        settings: Where the settings come from.
        kept: What is brought back at the next start.
        previous_mode: Id of the mode that was shown before the one that is shown; empty: none.
    """

    service: Service
    output: OutputDevice | None
    dictation: DictationDependencies
    keys: tuple[Key, ...]
    settings: SettingsSource
    kept: KeptState
    previous_mode: str

    @property
    def symbols(self) -> Symbols:
        """The signs to draw with."""
        ...

    @property
    def model_name(self) -> str:
        """What people call the model."""
        ...

    @property
    def is_demo(self) -> bool:
        """Whether this is the model that ships with the program."""
        ...

    def show_error(self, error: GPAError) -> None:
        """Say what went wrong, and what to do."""
        ...

    def show_message(self, message: str) -> None:
        """Say that something was done."""
        ...

    def copy(self, text: str) -> None:
        """Put text on the clipboard."""
        ...

    def use_theme(self, name: str) -> None:
        """Change the colours: a key of `THEMES`, or `auto` for those of the start."""
        ...

    def use_ascii(self, *, ascii_only: bool) -> None:
        """Draw with ASCII characters, or with all."""
        ...

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Use other keys from now on, by the ids of the table."""
        ...

    async def action_go(self, mode: str) -> None:
        """Show a mode."""
        ...


def app_services(node: MessagePump) -> AppServices:
    """Return the app of a screen or a widget."""
    return cast("AppServices", node.app)
