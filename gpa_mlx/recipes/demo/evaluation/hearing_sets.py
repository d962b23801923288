"""What a demo model is asked to hear: people and voices that no training has heard, in quiet, noise and music."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gpa_mlx.recipes.demo.data.augment import add_noise, coloured_noise
from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.data.synthetic_voices import HELD_OUT, FliteVoice
from gpa_mlx.recipes.demo.data.tts_engines import speak_with_espeak, speak_with_flite
from gpa_mlx.recipes.demo.domain.lexicon import COMMANDS, spelling
from gpa_mlx.recipes.demo.domain.phrases import Phrase, draw_phrase
from gpa_mlx.recipes.demo.recordings.people import read_backgrounds, read_commands, read_digits
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gpa_mlx.recipes.demo.recordings.recording import Recording
    from gpa_mlx.recipes.demo.teachers.piper import Piper
    from gpa_mlx.types import Waveform

Measure: TypeAlias = Literal["right", "errors", "empty"]
"""Share of transcripts without a mistake; word errors; share of transcripts without a word."""

Margins: TypeAlias = Literal["no", "quiet", "noisy"]

_SEED = 2000
_CONNECTED_WORDS = (3, 6)
_MARGIN_S = (0.3, 0.8)
_QUIET_RMS = 10 ** (-65 / 20)
_MARGIN_SNR_DB, _NOISE_SNR_DB = 15.0, 10.0


@dataclass(frozen=True, slots=True)
class Clip:
    """Something to hear: `(samples,)` float32 at 16 kHz, what is said in it, and by whom."""

    wave: Waveform
    text: str
    voice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingSet:
    """Clips that are measured together.

    Attributes:
        name: What they are.
        clips: At least one.
        measure: How.
        bound: What the figure should be: at most for errors, else at least.
    """

    name: str
    clips: tuple[Clip, ...]
    measure: Measure
    bound: float


def people_sets(folder: Path, *, most: int) -> list[HearingSet]:
    """Single words by people who are in no training: commands, digits, other words, each with three kinds of margins.

    Args:
        folder: See `gpa_mlx.recipes.demo.recordings.people`.
        most: Clips of a set, the first ones of each word.

    Raises:
        SettingsError: There are no such recordings.
    """
    recordings = read_commands(folder, "evaluation")
    commands = [recording for recording in recordings if recording.text in COMMANDS]
    old = [recording for recording in recordings if recording.text]
    others = [recording for recording in recordings if not recording.text]
    digits = read_digits(folder)
    sets = []
    margins: tuple[Margins, ...] = ("no", "quiet", "noisy")
    kinds: tuple[tuple[str, list[Recording], Measure, float], ...] = (
        ("commands by people", commands, "right", 0.92),
        ("the twenty first words by people", old, "right", 0.85),
        ("digits by other people", digits, "right", 0.88),
        ("other words by people, left out", others, "empty", 0.7),
    )
    for kind in margins:
        for name, chosen, measure, bound in kinds:
            clips = with_margins(_clips(_in_turn(chosen, most)), kind)
            if clips:
                sets.append(HearingSet(name=f"{name}, {kind} margins", clips=clips, measure=measure, bound=bound))
    return sets


def phrase_sets(
    recorded: Iterable[Recording], piper: Piper | None, words: Sequence[str], *, most: int
) -> list[HearingSet]:
    """Connected phrases of three to six words, by natural voices of no training and by the old engines.

    Args:
        recorded: What Kokoro says in the voices for evaluation.
        piper: Another synthesiser, unless there is none.
        words: What the model knows: phrases of other words are left out.
        most: Clips of a set.

    Raises:
        GPAError: espeak-ng or flite is missing or fails.
    """
    known = frozenset(words)
    natural = [
        Clip(recording.wave, recording.text, recording.voice)
        for recording in recorded
        if len(recording.groups) == 1
        and _CONNECTED_WORDS[0] <= len(recording.groups[0]) <= _CONNECTED_WORDS[1]
        and known.issuperset(recording.groups[0])
    ][:most]
    sets = []
    if natural:
        clips = with_margins(natural, "quiet")
        sets.append(HearingSet(name="connected, natural voices (Kokoro)", clips=clips, measure="errors", bound=0.06))
    phrases = connected_phrases(words, most)
    if piper is not None:
        said = [Clip(piper.say(phrase), phrase.text, piper.name) for phrase in phrases]
        clips = with_margins(said, "quiet")
        sets.append(HearingSet(name=f"connected, {piper.name} (Piper)", clips=clips, measure="errors", bound=0.06))
        natural += said
    old = with_margins([_by_old_engine(phrase, index) for index, phrase in enumerate(phrases)], "quiet")
    sets.append(HearingSet(name="connected, flite and espeak-ng", clips=old, measure="errors", bound=0.08))
    if natural:
        clips = with_margins(natural[:most], "noisy", snr_db=_NOISE_SNR_DB)
        sets.append(HearingSet(name="connected, natural, noise 10 dB", clips=clips, measure="errors", bound=0.15))
    return sets


def silent_sets(people: Path | None, *, most: int) -> list[HearingSet]:
    """Sounds without speech, which should give no text: silence and noise, music, laughter, people's backgrounds."""
    rng = np.random.default_rng((_SEED, 1))
    backgrounds = read_backgrounds(people, "evaluation") if people is not None else []
    kinds = {
        "silence and noise": [utterance.wave for utterance in non_speech(most, seed=_SEED)],
        "music": [_music(rng) for _ in range(most)],
        "laughter": [_laughter(rng) for _ in range(most)],
        "people's rooms": [recording.wave for recording in backgrounds[:most]],
    }
    return [
        HearingSet(name=name, clips=tuple(Clip(wave, "") for wave in waves), measure="empty", bound=1.0)
        for name, waves in kinds.items()
        if waves
    ]


def connected_phrases(words: Sequence[str], count: int) -> list[Phrase]:
    """Draw phrases of three to six words in one breath, of the given words, that no training has."""
    rng, known = np.random.default_rng((_SEED, 2)), frozenset(words)
    phrases: list[Phrase] = []
    while len(phrases) < count:
        phrase = draw_phrase("evaluation", rng, words=_CONNECTED_WORDS)
        if known.issuperset(phrase.words):
            phrases.append(Phrase((phrase.words,)))
    return phrases


def with_margins(clips: Sequence[Clip], kind: Margins, *, snr_db: float = _MARGIN_SNR_DB) -> tuple[Clip, ...]:
    """Put 0.3 to 0.8 s of a room before and after each clip: none, a quiet one, or one that is noisy all the time."""
    rng = np.random.default_rng((_SEED, 3))
    return tuple(Clip(_with_margin(clip.wave, kind, rng, snr_db), clip.text, clip.voice) for clip in clips)


def _with_margin(wave: Waveform, kind: Margins, rng: np.random.Generator, snr_db: float) -> Waveform:
    if kind == "no":
        return wave
    lead, tail = (int(rng.uniform(*_MARGIN_S) * SAMPLE_RATE_HZ) for _ in range(2))
    padded = np.pad(wave, (lead, tail))
    if kind == "quiet":
        return padded + np.float32(_QUIET_RMS) * coloured_noise(len(padded), np.ones(1), rng)[0]
    speech = np.pad(np.ones(len(wave), bool), (lead, tail))
    noisy = add_noise(padded[None], rng, np.array([snr_db]), speech[None])[0]
    return noisy / max(1.0, float(np.abs(noisy).max()))


def _clips(recordings: Iterable[Recording]) -> list[Clip]:
    return [Clip(recording.wave, recording.text, recording.voice) for recording in recordings]


def _in_turn(recordings: Sequence[Recording], most: int) -> list[Recording]:
    """Choose the first recording of each word, then the second of each, and so on."""
    ranks: dict[str, int] = {}
    keyed = []
    for index, recording in enumerate(recordings):
        rank = ranks[recording.text] = ranks.get(recording.text, 0) + 1
        keyed.append((rank, index))
    return [recordings[index] for _, index in sorted(keyed)[:most]]


def _by_old_engine(phrase: Phrase, index: int) -> Clip:
    voice = HELD_OUT[index % len(HELD_OUT)]
    text = " ".join(map(spelling, phrase.words))
    if isinstance(voice, FliteVoice):
        wave, _ = speak_with_flite(voice, text)
    else:
        wave = speak_with_espeak(voice, text)
    return Clip(wave, phrase.text, voice.name)


def _music(rng: np.random.Generator) -> Waveform:
    """Make two to four seconds of chords, plucked or held, with harmonics."""
    beat = int(rng.uniform(0.2, 0.5) * SAMPLE_RATE_HZ)
    time_s = np.arange(beat) / SAMPLE_RATE_HZ
    decay = rng.uniform(0.5, 8.0)
    beats = []
    for _ in range(int(rng.uniform(2, 4) * SAMPLE_RATE_HZ / beat)):
        root_hz = 110 * 2 ** (rng.integers(0, 25) / 12)
        chord = sum(
            np.sin(2 * np.pi * root_hz * ratio * order * time_s) / order**1.5
            for ratio in (1.0, 2 ** (rng.integers(3, 5) / 12), 2 ** (7 / 12))
            for order in range(1, 8)
        )
        beats.append(chord * np.exp(-decay * time_s) * np.minimum(1, time_s / 0.01))
    return _scaled(np.concatenate(beats), rng)


def _laughter(rng: np.random.Generator) -> Waveform:
    """Make bursts of a voice through a vowel's formants, five a second, falling in pitch, with breath between."""
    pitch_hz = rng.uniform(130, 350)
    pieces = []
    for number in range(int(rng.integers(4, 10))):
        length = int(rng.uniform(0.07, 0.12) * SAMPLE_RATE_HZ)
        time_s = np.arange(length) / SAMPLE_RATE_HZ
        hz = pitch_hz * (1 - 0.04 * number)
        orders = np.arange(1, int(4000 / hz))[:, None]
        gains = sum(np.exp(-(((orders * hz - formant) / 180) ** 2)) for formant in (750, 1250, 2600)) + 0.02
        burst = (gains * np.sin(2 * np.pi * orders * hz * time_s)).sum(0) * np.sin(np.pi * time_s / time_s[-1])
        breath = rng.standard_normal(int(rng.uniform(0.06, 0.12) * SAMPLE_RATE_HZ)) * 0.1
        pieces += [burst, breath]
    return _scaled(np.concatenate(pieces), rng)


def _scaled(wave: np.ndarray, rng: np.random.Generator) -> Waveform:
    return (wave * rng.uniform(0.05, 0.5) / np.abs(wave).max()).astype(np.float32)
