"""The part of a recording that a voice is made from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.errors import VoiceError
from gpa_mlx.types import SAMPLE_RATE_HZ
from gpa_mlx.voices.quality import ClipQuality, ClipWindow, best_window, score_clip

if TYPE_CHECKING:
    from gpa_mlx.audio.recording import Recording, Samples
    from gpa_mlx.types import AudioLike

MAX_CLIP_S = 1800.0
"""Longest recording in which the best part is looked for."""

_NOISY_DB = 15.0
_CLIPPED_SHARE = 0.005
_TONES_DB = -20.0
_FEW_SPEECH = 0.4
_FEW_VOICED = 0.2
_MUSIC_DB, _MUSIC_POINTS = -10.0, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceClip:
    """The best part of one recording.

    Attributes:
        source: The recording, as it was given.
        recording: All of it, read so that the speech is heard whichever channel it is on.
        window: The part.
    """

    source: AudioLike
    recording: Recording
    window: ClipWindow

    @property
    def samples(self) -> Samples:
        """The part, `(samples,)` float64 at 16 kHz."""
        start, stop = (round(time_s * SAMPLE_RATE_HZ) for time_s in (self.window.start_s, self.window.end_s))
        return self.recording.first_channel[start:stop]

    @property
    def has_voice(self) -> bool:
        """Whether a voice can be heard: other than steady sounds, and not tones nearly all through."""
        quality = self.window.quality
        is_music = quality.tone_bed_db > _MUSIC_DB and quality.total < _MUSIC_POINTS
        return quality.speech_share > 0 and not is_music


def find_reference_clip(source: AudioLike, seconds: float, *, whole: bool = False) -> ReferenceClip:
    """Read a recording and choose the part of it that a voice is made from.

    Args:
        source: The recording, at most 30 minutes.
        seconds: What the model makes a voice from, see `SpeechEngine.reference_s`.
        whole: Take the first seconds instead of the best ones.

    Raises:
        AudioFileError: It cannot be used.
        InputTooLongError: It is longer than `MAX_CLIP_S`.
    """
    recording = load_clip(source)
    return ReferenceClip(source, recording, choose_window(recording, seconds, whole=whole))


def load_clip(source: AudioLike) -> Recording:
    """Read a recording that a voice may be made from.

    Raises:
        AudioFileError: It cannot be used.
        InputTooLongError: It is longer than `MAX_CLIP_S`.
    """
    return load_recording(source, max_duration_s=MAX_CLIP_S, channels="speech")


def choose_window(recording: Recording, seconds: float, *, whole: bool) -> ClipWindow:
    """Return the window of a recording that a voice is made from.

    Args:
        recording: At least one sample.
        seconds: What the model makes a voice from, see `SpeechEngine.reference_s`.
        whole: Take the first seconds instead of the best ones.
    """
    if not whole:
        return best_window(recording, seconds)
    first = recording[: round(seconds * SAMPLE_RATE_HZ)]
    return ClipWindow(start_s=0.0, end_s=first.duration_s, quality=score_clip(first))


def no_voice(what: str, seconds: float, way_out: str) -> VoiceError:
    """Return the error for a recording in which there is no voice.

    Args:
        what: The recording.
        seconds: What the model makes a voice from.
        way_out: What else could be done, a clause.
    """
    return VoiceError(f"No speech was heard in {what}.", hint=f"Give {seconds:g} s of clear speech; {way_out}.")


def warnings_of(quality: ClipQuality) -> tuple[str, ...]:
    """Return what a listener would complain about, each a clause that goes on after "the recording"."""
    complaints = (
        (quality.speech_share < _FEW_SPEECH, f"has speech in only {quality.speech_share:.0%} of its time"),
        (quality.snr_db < _NOISY_DB, f"is noisy: the speech is only {quality.snr_db:.0f} dB above the rest"),
        (quality.clipping_share > _CLIPPED_SHARE, f"is clipped: {quality.clipping_share:.1%} of it is cut off"),
        (quality.tone_bed_db > _TONES_DB, f"has music or hum under the speech, at {quality.tone_bed_db:.0f} dB"),
        (quality.voicing_share < _FEW_VOICED, f"sounds whispered: {quality.voicing_share:.0%} of it has a pitch"),
    )
    return tuple(text for applies, text in complaints if applies)


def described(audio: AudioLike) -> str:
    """Return how messages call a recording."""
    return os.fsdecode(audio) if isinstance(audio, (str, os.PathLike)) else "the recording"
