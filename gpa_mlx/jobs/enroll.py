"""Enrollment: a voice from recordings of one speaker; its best window is found, made into a voice, and tried out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from gpa_mlx.jobs.events import Finished, StepStarted
from gpa_mlx.jobs.generated_speech import digest_of_audio
from gpa_mlx.jobs.reference_clip import ReferenceClip, described, find_reference_clip, no_voice, warnings_of
from gpa_mlx.jobs.voice_choice import refuse_built_in_name
from gpa_mlx.jobs.voice_probe import probe_voice
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import SAMPLE_RATE_HZ, VoiceOrigin
from gpa_mlx.voices.library import VoiceLibrary

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gpa_mlx.jobs.voice_probe import Probe
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import AudioLike, Voice
    from gpa_mlx.voices.quality import ClipWindow


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
            clip = find_reference_clip(source, self._engine.reference_s, whole=request.whole)
            if chosen is None or _preference(clip) > _preference(chosen):
                chosen = clip
        assert chosen is not None
        self._require_speech(chosen)
        yield StepStarted(step="making the voice")
        self.result = self._make(chosen)
        if request.probe:
            yield StepStarted(step="speaking with the voice")
            self.result = replace(self.result, probe=probe_voice(self._engine, self.result.voice))
        yield Finished()

    def _require_speech(self, chosen: ReferenceClip) -> None:
        recordings = self.request.recordings
        if not chosen.has_voice and not self.request.whole:
            what = described(chosen.source) if len(recordings) == 1 else f"any of the {len(recordings)} recordings"
            raise no_voice(what, self._engine.reference_s, "--whole takes a recording without listening to it")

    def _make(self, chosen: ReferenceClip) -> Enrollment:
        request, window = self.request, chosen.window
        part = chosen.recording.first_channel if request.whole else chosen.samples
        made = self._engine.make_voice((part, SAMPLE_RATE_HZ), name=request.name)
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
            is_whole=len(chosen.samples) >= len(chosen.recording),
            warnings=warnings_of(window.quality),
            probe=None,
        )


def _preference(clip: ReferenceClip) -> tuple[bool, float]:
    return clip.has_voice, worth(clip.window)


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
