"""Voices: settings of two free synthesisers, espeak-ng (formant synthesis) and flite (recorded speakers)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A voice of espeak-ng, American English.

    Attributes:
        name: Unique name of the voice.
        variant: File name of an espeak-ng voice variant.
        pitch: 0 to 99, espeak-ng's own scale.
        words_per_minute: Speed.
    """

    name: str
    variant: str
    pitch: int
    words_per_minute: int


@dataclass(frozen=True, slots=True)
class FliteVoice:
    """A voice of flite, or a new voice made from one by resampling.

    Attributes:
        name: Unique name of the voice.
        speaker: flite's voice.
        pitch_hz: Mean fundamental frequency asked of flite, before resampling; None leaves the speaker's own (`rms`
            cannot be asked).
        stretch: Duration factor asked of flite.
        resampling: Pitch and formants are multiplied by this factor, durations divided by it.
    """

    name: str
    speaker: str
    pitch_hz: float | None
    stretch: float = 1.0
    resampling: float = 1.0


VoiceSpec: TypeAlias = EspeakVoice | FliteVoice

SPEAKING: tuple[VoiceSpec, ...] = (
    FliteVoice("slt", "slt", 175, 1.05),
    FliteVoice("rms", "rms", None),
    FliteVoice("awb", "awb", 135, 1.05),
    FliteVoice("kal", "kal16", 105, 1.3),
    FliteVoice("slt-small", "slt", 200, 1.15, 1.04),
    FliteVoice("slt-dark", "slt", 160, 0.95, 0.88),
    FliteVoice("rms-light", "rms", None, 1.15, 1.14),
    FliteVoice("awb-light", "awb", 145, 1.1, 1.1),
    EspeakVoice("f2", "f2", 60, 150),
    EspeakVoice("benjamin", "benjamin", 30, 150),
)
"""The voices the demo model learns to speak with."""

BUILT_IN: tuple[str, ...] = ("slt", "rms", "awb", "slt-small")
"""Names of the speaking voices that ship with the demo model."""

_ESPEAK = (
    ("f1", 50, 150), ("f3", 55, 150), ("f4", 45, 155), ("f5", 65, 150),
    ("m1", 35, 150), ("m2", 50, 160), ("m3", 40, 155), ("m4", 30, 150), ("m5", 60, 165), ("m7", 55, 170),
    ("m8", 25, 145),
    ("adam", 45, 155), ("Alex", 35, 160), ("Diogo", 60, 150), ("Andrea", 70, 160), ("Andy", 50, 150),
    ("Annie", 55, 150), ("antonio", 40, 145), ("aunty", 45, 150), ("belinda", 50, 165),
    ("edward", 45, 150), ("caleb", 55, 150), ("david", 45, 165), ("ed", 60, 150), ("Gene", 40, 160),
    ("Henrique", 50, 155), ("john", 30, 165), ("klatt2", 45, 150), ("klatt4", 60, 155), ("klatt3", 50, 150),
    ("linda", 65, 155), ("miguel", 60, 150), ("max", 55, 145), ("michel", 30, 150), ("norbert", 50, 165),
    ("paul", 40, 150), ("quincy", 60, 160), ("Hugo", 55, 150), ("steph", 50, 155), ("Denis", 50, 155),
)  # fmt: skip

_FLITE = (
    ("slt-low", "slt", 150, 1.1, 1.0), ("slt-quick", "slt", 190, 0.95, 1.09), ("slt-calm", "slt", 165, 1.1, 0.95),
    ("slt-deep", "slt", 170, 0.9, 0.82), ("slt-child", "slt", 190, 1.2, 1.16),
    ("rms-deep", "rms", None, 0.95, 0.93), ("rms-giant", "rms", None, 0.9, 0.86),
    ("rms-bright", "rms", None, 1.2, 1.22),
    ("awb-deep", "awb", 120, 0.9, 0.9), ("awb-bright", "awb", 150, 1.15, 1.18), ("awb-child", "awb", 165, 1.2, 1.26),
    ("kal-high", "kal16", 130, 1.1, 1.0), ("kal-deep", "kal16", 95, 1.0, 0.9), ("kal-light", "kal16", 110, 1.2, 1.12),
    ("kal-child", "kal16", 140, 1.3, 1.25),
)  # fmt: skip

RECOGNISED: tuple[VoiceSpec, ...] = (
    *SPEAKING,
    *(EspeakVoice(variant, variant, pitch, speed) for variant, pitch, speed in _ESPEAK),
    *(FliteVoice(*settings) for settings in _FLITE),
)
"""Every voice in the training data: the speaking voices first, then those the model only has to understand."""

HELD_OUT: tuple[VoiceSpec, ...] = (
    EspeakVoice("m6", "m6", 50, 155),
    FliteVoice("rms-held-out", "rms", None, 1.05, 1.07),
)
"""Voices of trained engines that never occur in training: an espeak-ng variant, and a flite speaker moved to a pitch
and vocal tract length between trained ones."""

VOICES: dict[str, VoiceSpec] = {voice.name: voice for voice in (*RECOGNISED, *HELD_OUT)}

VOICE_IDS: dict[str, int] = {voice.name: index for index, voice in enumerate(RECOGNISED)}
"""Class of each training voice, for a loss over voices; the speaking voices come first."""
