"""Enrollment: a voice from recordings of one speaker; its best window is found, made into a voice, and tried out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.errors import VoiceError
from gpa_mlx.jobs.events import Finished, StepStarted
from gpa_mlx.jobs.generated_speech import digest_of_audio
from gpa_mlx.jobs.voice_choice import refuse_built_in_name
from gpa_mlx.jobs.voice_probe import probe_voice
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import SAMPLE_RATE_HZ, VoiceOrigin
from gpa_mlx.voices.library import VoiceLibrary
from gpa_mlx.voices.quality import ClipQuality, ClipWindow, best_window, score_clip

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.jobs.voice_probe import Probe
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import AudioLike, Voice

MAX_CLIP_S = 1800.0
"""Longest recording in which the best part is looked for."""

_NOISY_DB = 15.0
_CLIPPED_SHARE = 0.005
_TONES_DB = -20.0
_FEW_SPEECH = 0.4
_FEW_VOICED = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """A new voice and how it came about.

    Attributes:
        voice: With its family and its origin.
        source: The recording it was made from, as it was given.
        window: The part of that recording.
        is_whole: Whether the part is the recording as a whole.
        warnings: What a listener would complain about, each a clause for people.
        probe: None where no probe was asked for.
    """

    voice: Voice
    source: AudioLike
    window: ClipWindow
    is_whole: bool
    warnings: tuple[str, ...]
    probe: Probe | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnrollRequest:
    """Which recordings a voice is to be made from, and what is to be said of it.

    Attributes:
        recordings: At least one, all of one speaker, each at most 30 minutes.
        name: Of the voice.
        consent: What the maker said about the right to use the voice.
        description: One line about the voice.
        whole: Do not look for the best window, and do not ask for speech: a recording is taken as it is, and its first
            seconds count, as they do for `SpeechEngine.make_voice`.
        probe: Whether the model shall speak with the voice, so that the similarity is known.
    """

    recordings: Sequence[AudioLike]
    name: str
    consent: str = ""
    description: str = ""
    whole: bool = False
    probe: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    source: AudioLike
    recording: Recording
    window: ClipWindow


class EnrollJob:
    """Recordings of one speaker on their way to a voice.

    The best window of each recording, as long as the clip the model makes a voice from, is found, and the best of these
    is taken, a shorter one counting for less in proportion; recordings are never mixed. A recording that is not longer
    than that is taken as a whole.

    Args:
        engine: Makes the voice, and speaks the probe.
        request: What to make it from.

    Attributes:
        result: The voice and how it came about; None until it is made. It is not kept anywhere: see `keep_voice`.

    Raises:
        ModelNotFoundError: The engine's model is gone.
        ModelFormatError: The engine's model is not a converted one.
    """

    def __init__(self, engine: SpeechEngine, request: EnrollRequest) -> None:
        assert request.recordings, "nothing to make a voice from"
        self.request = request
        self._engine = engine
        self._family = read_manifest(engine.path).model_family
        self.result: Enrollment | None = None

    def run(self) -> Generator[StepStarted | Finished, None, None]:
        """Make the voice.

        Raises:
            AudioFileError: A recording cannot be used.
            InputTooLongError: A recording is too long.
            VoiceError: No speech was heard, or the best window is too short.
            CancelledError: The surrounding `CancelScope` was cancelled.
        """
        request = self.request
        chosen = None
        for source in request.recordings:
            check_cancelled()
            yield StepStarted(step=f"judging {described(source)}")
            recording = load_clip(source)
            window = choose_window(recording, self._engine.reference_s, whole=request.whole)
            if chosen is None or worth(window) > worth(chosen.window):
                chosen = _Candidate(source, recording, window)
        assert chosen is not None
        self._require_speech(chosen)
        yield StepStarted(step="making the voice")
        self.result = self._make(chosen)
        if request.probe:
            yield StepStarted(step="speaking with the voice")
            self.result = replace(self.result, probe=probe_voice(self._engine, self.result.voice))
        yield Finished()

    def _require_speech(self, chosen: _Candidate) -> None:
        recordings = self.request.recordings
        if chosen.window.quality.speech_share == 0 and not self.request.whole:
            what = described(chosen.source) if len(recordings) == 1 else f"any of the {len(recordings)} recordings"
            raise VoiceError(
                f"No speech was heard in {what}.",
                hint=f"Give {self._engine.reference_s:g} s of clear speech; --whole takes a recording without "
                "listening to it.",
            )

    def _make(self, chosen: _Candidate) -> Enrollment:
        request, window = self.request, chosen.window
        start, stop = (round(time_s * SAMPLE_RATE_HZ) for time_s in (window.start_s, window.end_s))
        part = chosen.recording if request.whole else chosen.recording[start:stop]
        made = self._engine.make_voice((part.first_channel, SAMPLE_RATE_HZ), name=request.name)
        origin = VoiceOrigin(
            source_sha256=digest_of_audio(chosen.source),
            start_s=round(window.start_s, 2),
            end_s=round(window.end_s, 2),
            made_on=date.today().isoformat(),
            consent=request.consent,
        )
        return Enrollment(
            voice=replace(made, family=self._family, description=request.description, origin=origin),
            source=chosen.source,
            window=window,
            is_whole=stop - start >= len(chosen.recording),
            warnings=warnings_of(window.quality),
            probe=None,
        )


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


def worth(window: ClipWindow) -> float:
    """Return what decides between recordings: of two equally good windows, the longer one says more of a voice."""
    return window.quality.total * (window.end_s - window.start_s)


def keep_voice(voice: Voice, name: str, consent: str) -> Voice:
    """Put a new voice into the user's library, with what its maker said about the right to use it.

    Returns:
        The voice as it was stored.

    Raises:
        VoiceError: The name cannot be one, is that of a built-in voice or is taken, or nothing can be written.
    """
    refuse_built_in_name(name)
    origin = voice.origin
    return VoiceLibrary().add(
        replace(voice, name=name, origin=None if origin is None else replace(origin, consent=consent))
    )


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
