"""The voice activity detectors by name: a new one is one factory and one line in `DETECTORS`.

Each factory imports its detector itself: `--help` lists the names without loading numpy or a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from gpa_mlx.errors import SettingsError

if TYPE_CHECKING:
    from gpa_mlx.audio.vad.detector import VoiceActivityDetector
    from gpa_mlx.types import VadChoice


class DetectorFactory(Protocol):
    """Makes a detector; for a live source one that decides as soon as it can."""

    def __call__(self, *, is_live: bool) -> VoiceActivityDetector:
        """Return a new detector.

        Raises:
            SettingsError: What it needs is not installed.
        """
        ...


def _energy(*, is_live: bool) -> VoiceActivityDetector:
    if is_live:
        from gpa_mlx.audio.vad.streaming_gate import StreamingEnergyGate

        return StreamingEnergyGate()
    from gpa_mlx.audio.vad.energy_gate import EnergyGate

    return EnergyGate()


def _silero(*, is_live: bool) -> VoiceActivityDetector:
    from gpa_mlx.audio.vad.silero import SileroDetector

    return SileroDetector()


DETECTORS: Mapping[str, DetectorFactory] = MappingProxyType({"energy": _energy, "silero": _silero})
"""`energy`: a gate on energy above the noise floor, needs no model. `silero`: Silero's network, an optional extra."""

DEFAULT_DETECTOR = "energy"


def make_detector(choice: VadChoice, *, is_live: bool = False) -> VoiceActivityDetector | None:
    """Return a new detector, None where everything is to count as speech.

    Args:
        choice: A name from `DETECTORS`; True for the default one, False for none.
        is_live: The source is live: decisions are wanted as soon as they are certain.

    Raises:
        SettingsError: There is no detector of that name, or it needs what is not installed.
    """
    if choice is False:
        return None
    name = DEFAULT_DETECTOR if choice is True else choice
    factory = DETECTORS.get(name)
    if factory is None:
        raise SettingsError(
            f"There is no voice activity detector '{name}'.", hint=f"Choose one of {', '.join(DETECTORS)}."
        )
    return factory(is_live=is_live)
