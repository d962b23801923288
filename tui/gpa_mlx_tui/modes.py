"""The modes of the app, in the order of the bar at its top: names only, so that help and settings may read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mode:
    """One thing the app is for.

    Attributes:
        id: Names it in the table of keys, on the command line and in `features`.
        title: For the bar.
    """

    id: str
    title: str

    @property
    def styles(self) -> Path:
        """The file with the styles that only this mode needs."""
        return Path(__file__).parent / "features" / self.id / f"{self.id}.tcss"


MODES: tuple[Mode, ...] = (
    Mode("dictate", "Dictate"),
    Mode("speak", "Speak"),
    Mode("voice", "Voice"),
    Mode("convert", "Convert"),
    Mode("files", "Files"),
    Mode("history", "History"),
    Mode("models", "Models"),
    Mode("settings", "Settings"),
    Mode("help", "Help"),
)
