"""Making a voice from recordings: choose the best part, make the voice, hear how well the model speaks with it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.errors import AudioFileError, ModelFormatError, ModelNotFoundError, NoSpeechError, VoiceError
from gpa_mlx.model import demo
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import SAMPLE_RATE_HZ, Voice, VoiceOrigin
from gpa_mlx.voices.quality import ClipQuality, ClipWindow, best_window, score_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import AudioLike, Speech

MAX_CLIP_S = 1800.0
"""Longest recording in which the best part is looked for."""

PROBE_TEXT = "The sun was low, and a cold wind blew over the quiet fields."
DEMO_PROBE_TEXT = "three two one go"
"""The same for models of the demo model's family, which know twenty words."""

_NOISY_DB = 15.0
_CLIPPED_SHARE = 0.005
_TONES_DB = -20.0
_FEW_SPEECH = 0.4
_FEW_VOICED = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """How alike two voices are, by their speaker codes alone.

    A code stands for a few coordinates with a few levels each (BiCodec: 6 with 4). Codes drawn at random agree in 0.58
    of the levels. With the demo model, a voice and the same voice in its speech agreed in 0.87 to 1.00, different
    speakers in 0.21 to 0.77.

    Attributes:
        equal_codes: Share of the codes that are the same, 0 to 1.
        levels: 1 minus the mean difference of the coordinates' levels, as a share of the largest possible one; 0 to 1.
    """

    equal_codes: float
    levels: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the model said with a new voice, and whose voice that was.

    Attributes:
        text: What was to be said.
        similarity: Of the new voice and the voice made from that speech; None where there was no usable speech.
        speech: What was said; None where nothing was.
        problem: Why there is no similarity; empty where there is one.
    """

    text: str
    similarity: Similarity | None
    speech: Speech | None
    problem: str = ""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    source: AudioLike
    recording: Recording
    window: ClipWindow

    @property
    def worth(self) -> float:
        """What decides between recordings: of two that sound equally good, the longer part says more of a voice."""
        return self.window.quality.total * (self.window.end_s - self.window.start_s)


def enroll(
    engine: SpeechEngine,
    files: Sequence[AudioLike],
    name: str,
    *,
    consent: str = "",
    description: str = "",
    whole: bool = False,
    probe: bool = True,
    on_step: Callable[[str], None] = lambda step: None,
) -> Enrollment:
    """Make a voice from the best part of one or several recordings of one speaker.

    The best window of each recording, as long as the clip the model makes a voice from, is found, and the best of these
    is taken, a shorter one counting for less in proportion; recordings are never mixed. A recording that is not longer
    than that is taken as a whole.

    Args:
        engine: Makes the voice, and speaks the probe.
        files: At least one, each at most 30 minutes.
        name: Of the voice.
        consent: What the maker said about the right to use the voice.
        description: One line about the voice.
        whole: Do not look for the best part, and do not ask for speech: a recording is taken as it is, and its first
            seconds count, as they do for `SpeechEngine.make_voice`.
        probe: Whether the model shall speak with the voice, so that the similarity is known.
        on_step: Told what is being done, in a few words.

    Raises:
        AudioFileError: A recording cannot be used.
        InputTooLongError: A recording is too long.
        VoiceError: No speech was heard, or the best part is too short.
        ModelNotFoundError: The engine's model is gone.
        ModelFormatError: The engine's model is not a converted one.
    """
    assert files, "nothing to make a voice from"
    family = read_manifest(engine.path).model_family
    wanted_s = engine.reference_s
    chosen = None
    for file in files:
        check_cancelled()
        on_step(f"judging {described(file)}")
        recording = load_recording(file, max_duration_s=MAX_CLIP_S)
        candidate = _Candidate(file, recording, _window(recording, wanted_s, whole=whole))
        if chosen is None or candidate.worth > chosen.worth:
            chosen = candidate
    assert chosen is not None
    window = chosen.window
    if window.quality.speech_share == 0 and not whole:
        what = described(chosen.source) if len(files) == 1 else f"any of the {len(files)} recordings"
        raise VoiceError(
            f"No speech was heard in {what}.",
            hint=f"Give {wanted_s:g} s of clear speech; --whole takes a recording without listening to it.",
        )
    on_step("making the voice")
    start, stop = (round(time_s * SAMPLE_RATE_HZ) for time_s in (window.start_s, window.end_s))
    part = chosen.recording if whole else chosen.recording[start:stop]
    made = engine.make_voice((part.first_channel, SAMPLE_RATE_HZ), name=name)
    origin = VoiceOrigin(
        source_sha256=_sha256(chosen.source),
        start_s=round(window.start_s, 2),
        end_s=round(window.end_s, 2),
        made_on=date.today().isoformat(),
        consent=consent,
    )
    voice = replace(made, family=family, description=description, origin=origin)
    heard = None
    if probe:
        on_step("speaking with the voice")
        heard = probe_voice(engine, voice)
    return Enrollment(
        voice=voice,
        source=chosen.source,
        window=window,
        is_whole=stop - start >= len(chosen.recording),
        warnings=warnings_of(window.quality),
        probe=heard,
    )


def probe_voice(engine: SpeechEngine, voice: Voice) -> Probe:
    """Speak a short text greedily, make a voice of that speech, and compare the two.

    Raises:
        ModelNotFoundError: The engine's model is gone.
        ModelFormatError: The engine's model is not a converted one.
        VoiceError: The voice was made for another model.
    """
    text = probe_text(voice.family)
    options = replace(engine.default_options("speak"), temperature=0.0)
    try:
        speech = engine.speak(text, voice=voice, options=options)
    except NoSpeechError as error:
        return Probe(text=text, similarity=None, speech=None, problem=error.message)
    try:
        again = engine.make_voice((speech.audio, speech.sample_rate), name=voice.name)
    except (VoiceError, AudioFileError) as error:
        return Probe(text=text, similarity=None, speech=speech, problem=error.message)
    levels = _bicodec_args(engine.path).speaker_encoder.fsq_levels
    alike = similarity(voice.global_tokens, again.global_tokens, levels)
    return Probe(text=text, similarity=alike, speech=speech)


def probe_text(family: str) -> str:
    """Return a short text that models of a family can say."""
    try:
        demo_family = read_manifest(demo.demo_model()).model_family
    except ModelNotFoundError:
        return PROBE_TEXT
    return DEMO_PROBE_TEXT if family == demo_family else PROBE_TEXT


def similarity(first: Sequence[int], second: Sequence[int], levels: Sequence[int]) -> Similarity:
    """Compare the speaker codes of two voices.

    Args:
        first: The codes of one voice.
        second: As many codes.
        levels: Levels of each coordinate of a code, the least significant first (`fsq_levels` of the model).
    """
    one, other = np.array(first), np.array(second)
    sizes = np.array(levels)
    radix = np.concatenate([[1], np.cumprod(sizes)[:-1]])
    differences = np.abs(one[:, None] // radix % sizes - other[:, None] // radix % sizes) / (sizes - 1)
    return Similarity(equal_codes=float((one == other).mean()), levels=float(1 - differences.mean()))


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


def reference_s(model: Path) -> float:
    """Return `SpeechEngine.reference_s` of a model that is not open.

    Raises:
        ModelFormatError: Not a converted model.
    """
    return _bicodec_args(model).ref_segment_duration


def described(audio: AudioLike) -> str:
    """Return how messages call a recording."""
    return os.fsdecode(audio) if isinstance(audio, (str, os.PathLike)) else "the recording"


def _window(recording: Recording, seconds: float, *, whole: bool) -> ClipWindow:
    if not whole:
        return best_window(recording, seconds)
    first = recording[: round(seconds * SAMPLE_RATE_HZ)]
    return ClipWindow(start_s=0.0, end_s=first.duration_s, quality=score_clip(first))


def _sha256(audio: AudioLike) -> str:
    if isinstance(audio, (str, os.PathLike)):
        with Path(audio).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(np.ascontiguousarray(audio[0], dtype="<f4").tobytes()).hexdigest()


def _bicodec_args(model: Path) -> BiCodecArgs:
    path = model / "bicodec" / "config.json"
    try:
        return BiCodecArgs.from_dict(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path} cannot be read.", hint="Convert the model again.") from error
