"""Everything there is to learn hearing from, and the phrases that are made of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.recordings.acoustics import Acoustics, HeardSound, disturb
from gpa_mlx.recipes.demo.recordings.frame_labels import phone_spans
from gpa_mlx.recipes.demo.recordings.splicing import LabelledSound, cut, join
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpa_mlx.recipes.demo.recordings.recording import Recording
    from gpa_mlx.types import Waveform

_MOST_S = 5.0
_MOST_PIECES = 6
_CONNECTED_SHARE = 0.5
_GAP_S, _OVERLAP_S = (0.02, 0.5), (-0.04, 0.03)
_WORD_MARGIN_SAMPLES = SAMPLE_RATE_HZ // 50
_SILENT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What the examples are, as weights.

    Attributes:
        whole: By origin, recordings as they were made.
        spliced: Words cut out and joined.
        silent: Nothing but noise.
    """

    whole: Mapping[str, float]
    spliced: float
    silent: float


@dataclass(frozen=True, slots=True)
class HearingExample:
    """A sound, and the name of who speaks; empty where nobody does, or several."""

    sound: HeardSound
    voice: str


class HearingPool:
    """Draws examples of hearing.

    Args:
        recordings: Of all origins that `mix` names.
        backgrounds: Recorded noises.
        mix: How often what is drawn; origins without a recording are left out.
        acoustics: What happens to it.

    Raises:
        GPAError: espeak-ng, which tells how words of unknown times are said, is missing or fails.
    """

    def __init__(
        self, recordings: Iterable[Recording], backgrounds: Sequence[Waveform], mix: Mix, acoustics: Acoustics
    ) -> None:
        self._backgrounds = backgrounds
        self._acoustics = acoustics
        self._whole: dict[str, list[Recording]] = defaultdict(list)
        self._by_voice: dict[str, list[Recording]] = defaultdict(list)
        for recording in recordings:
            self._whole[recording.origin].append(recording)
            if recording.words or (recording.voice and len(recording.text.split()) <= 1):
                self._by_voice[recording.voice].append(recording)
        self._voices = sorted(self._by_voice)
        self._silent = [utterance.wave for utterance in non_speech(_SILENT, seed=0)] + list(backgrounds)
        kinds = {origin: weight for origin, weight in mix.whole.items() if self._whole[origin]}
        kinds |= {"": mix.silent} | ({"+": mix.spliced} if self._voices else {})
        self._kinds = tuple(kinds)
        self._shares = np.array(list(kinds.values())) / sum(kinds.values())

    def draw(self, rng: np.random.Generator) -> HearingExample:
        """Draw an example of at most about five seconds before its margins, disturbed."""
        voice = ""
        kind = self._kinds[int(rng.choice(len(self._kinds), p=self._shares))]
        if kind == "":
            wave = self._silent[int(rng.integers(len(self._silent)))]
            sound = LabelledSound(wave[: int(_MOST_S * SAMPLE_RATE_HZ)], (), ())
        elif kind == "+":
            sound = self._spliced(rng)
        else:
            recordings = self._whole[kind]
            recording = recordings[int(rng.integers(len(recordings)))]
            sound, voice = labelled(recording), recording.voice
        return HearingExample(disturb(sound, rng, self._backgrounds, self._acoustics), voice)

    def _spliced(self, rng: np.random.Generator) -> LabelledSound:
        """Join words, of one voice as long as it has enough, connected or with pauses."""
        pieces: list[LabelledSound] = []
        recordings = self._by_voice[self._voices[int(rng.integers(len(self._voices)))]]
        for _ in range(int(rng.integers(2, _MOST_PIECES + 1))):
            pieces.append(_some_words(labelled_words(recordings[int(rng.integers(len(recordings)))]), rng))
            if sum(len(piece.wave) for piece in pieces) > _MOST_S * SAMPLE_RATE_HZ:
                break
            if len(recordings) < _MOST_PIECES:
                recordings = self._by_voice[self._voices[int(rng.integers(len(self._voices)))]]
        gap_s = _OVERLAP_S if rng.random() < _CONNECTED_SHARE else _GAP_S
        gaps = [int(rng.uniform(*gap_s) * SAMPLE_RATE_HZ) for _ in pieces]
        return join(pieces, gaps)


def labelled(recording: Recording) -> LabelledSound:
    """Return a recording with its phones."""
    return LabelledSound(recording.wave, tuple(recording.text.split()), phone_spans(recording))


def labelled_words(recording: Recording) -> list[LabelledSound]:
    """Cut a recording into its words; one of unknown times is one piece, of what is heard."""
    whole = labelled(recording)
    if not recording.words:
        return [cut(whole, whole.spans[0].start, whole.spans[-1].end, whole.words)] if whole.spans else [whole]
    pieces = []
    for word in recording.words:
        start, end = word.sounds[0].start, word.sounds[-1].end
        end = min(end + _WORD_MARGIN_SAMPLES, len(whole.wave))
        if end > start:
            pieces.append(cut(whole, start, end, (word.word,)))
    return pieces or [whole]


def _some_words(words: Sequence[LabelledSound], rng: np.random.Generator) -> LabelledSound:
    return words[int(rng.integers(len(words)))]
