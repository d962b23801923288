"""The modes of the app, in the order of the bar at its top. A screen is imported when its mode is first shown."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpa_mlx_tui.features.mode_screen import ModeScreen


@dataclass(frozen=True, slots=True)
class Mode:
    """One thing the app is for.

    Attributes:
        id: Names it in the table of keys and on the command line.
        title: For the bar.
        module: Where its screen is.
        screen: The class of the screen, a `ModeScreen` that can be made without arguments.
    """

    id: str
    title: str
    module: str
    screen: str

    @property
    def styles(self) -> Path:
        """The file with the styles that only this mode needs."""
        return Path(__file__).parent / "features" / self.id / f"{self.id}.tcss"

    def make_screen(self) -> ModeScreen:
        """Import the screen's module and make the screen."""
        return getattr(import_module(self.module), self.screen)()


MODES: tuple[Mode, ...] = (
    Mode("dictate", "Dictate", "gpa_mlx_tui.features.dictate.screen", "DictateScreen"),
    Mode("speak", "Speak", "gpa_mlx_tui.features.speak.screen", "SpeakScreen"),
    Mode("voice", "Voice", "gpa_mlx_tui.features.voice.screen", "VoiceScreen"),
    Mode("convert", "Convert", "gpa_mlx_tui.features.convert.screen", "ConvertScreen"),
    Mode("files", "Files", "gpa_mlx_tui.features.files.screen", "FilesScreen"),
    Mode("history", "History", "gpa_mlx_tui.features.history.screen", "HistoryScreen"),
    Mode("models", "Models", "gpa_mlx_tui.features.models.screen", "ModelsScreen"),
    Mode("settings", "Settings", "gpa_mlx_tui.features.settings.screen", "SettingsScreen"),
    Mode("help", "Help", "gpa_mlx_tui.features.help.screen", "HelpScreen"),
)
