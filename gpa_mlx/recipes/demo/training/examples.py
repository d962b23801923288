"""The language model's examples: the demo recordings as codes, in all three tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpa_mlx.audio.dsp.loudness import remove_dc
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES
from gpa_mlx.recipes.demo.data.augment import AugmentConfig, augment
from gpa_mlx.recipes.demo.data.dataset import conversion_pairs, steady_speech
from gpa_mlx.recipes.demo.data.utterances import Utterance, padded
from gpa_mlx.recipes.demo.data.vocabulary import WORD_LABELS, WordSequence
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.language_model.corpus import UNKNOWN, Example, example_of
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

_SPOKEN_SILENCE_S = (0.05, 0.2)
_HEARD_SILENCE_S = (0.05, 0.4)

_DISTURBED_EVERY = 4
_VOCODED_EVERY = 8
_REFERENCES = 50
"""Recordings of a voice that its speaker codes are taken from."""

_PLAIN_SHARE = 0.5
_ENDS = (".", "!", "?", "")


def make_examples(
    parts: ModelParts,
    utterances: Sequence[Utterance],
    *,
    hearings: int,
    readings: int,
    conversions: int,
    seed: int,
) -> list[Example]:
    """Tokenise the recordings as the product would, and put the examples together.

    Args:
        parts: The packed model with its final tokenizers.
        utterances: Training recordings, silence and noise among them.
        hearings: Recognition examples per recording, each disturbed differently; the first one not at all.
        readings: Examples of speaking per recording, each with other speaker codes of its voice and written in another
            way.
        conversions: Most pairs to learn voice conversion from.
        seed: Of everything random.
    """
    rng = np.random.default_rng((seed, 7))
    layout, text = parts.layout, parts.text
    spoken = {id(utterance) for utterance in steady_speech(utterances)}
    clean: dict[int, list[int]] = {}
    saying: dict[int, npt.NDArray[np.int32]] = {}
    examples = []
    for utterance in utterances:
        for hearing in range(hearings):
            whole = _surrounded(utterance, _HEARD_SILENCE_S if hearing else _SPOKEN_SILENCE_S, rng)
            wave = augment(whole.wave[None], rng, AugmentConfig())[0] if hearing else whole.wave
            semantic = _semantic(parts, wave)
            if hearing == 0:
                clean[id(utterance)] = semantic
                saying[id(utterance)] = _saying(whole, len(semantic))
            codes = parts.glm.encode(wave).tolist(), semantic
            examples.append(example_of(layout, text, "stt", utterance.text, *codes))
    voices = _VoiceCodes(parts, [utterance for utterance in utterances if id(utterance) in spoken])
    for utterance in utterances:
        if id(utterance) in spoken:
            for _ in range(readings):
                codes = voices.draw(utterance, rng), clean[id(utterance)]
                example = example_of(layout, text, "tts-a", written(utterance.words, rng), *codes)
                examples.append(replace(example, saying=saying[id(utterance)]))
    pairs = conversion_pairs(utterances)
    for index in rng.permutation(len(pairs))[:conversions]:
        source, target = pairs[index]
        codes = voices.draw(target, rng), clean[id(source)], clean[id(target)]
        example = example_of(layout, text, "vc", "", *codes)
        examples.append(replace(example, saying=saying[id(target)]))
    return examples


def make_reading_examples(
    parts: ModelParts,
    utterances: Sequence[Utterance],
    *,
    conversions: int,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Example]:
    """Tokenise the readings and put the examples together: of speaking, of recognition, and pairs.

    The model learns to say all steady speech of the speaking voices. What is to be recognised is a quarter of it,
    disturbed; of an eighth what the model makes of its codes, so that it understands what it says; and everything
    else, as it is and disturbed.

    Args:
        parts: The packed model with everything but its language model final.
        utterances: Speech.
        conversions: Most pairs to learn voice conversion from.
        seed: Of everything random.
        on_progress: Told how many recordings of how many are done.
    """
    rng = np.random.default_rng((seed, 8))
    layout, text = parts.layout, parts.text
    steady = steady_speech(utterances)
    spoken = {id(utterance) for utterance in steady}
    voices = _VoiceCodes(parts, steady)
    clean: dict[int, list[int]] = {}
    saying: dict[int, npt.NDArray[np.int32]] = {}
    examples = []
    for done, utterance in enumerate(utterances):
        whole = _surrounded(utterance, _SPOKEN_SILENCE_S, rng)
        wave = whole.wave
        semantic = clean[id(utterance)] = _semantic(parts, wave)
        heard = []
        if id(utterance) not in spoken:
            heard = [wave, augment(wave[None], rng, AugmentConfig())[0]]
        else:
            saying[id(utterance)] = _saying(whole, len(semantic))
            speaker = voices.draw(utterance, rng)
            example = example_of(layout, text, "tts-a", written(utterance.words, rng), speaker, semantic)
            examples.append(replace(example, saying=saying[id(utterance)]))
            if done % _DISTURBED_EVERY == 0:
                heard = [augment(wave[None], rng, AugmentConfig())[0]]
            elif done % _VOCODED_EVERY == 1:
                heard = [remove_dc(parts.vocoder.decode(semantic, speaker))]
        for sound in heard:
            codes = parts.glm.encode(sound).tolist(), _semantic(parts, sound)
            examples.append(example_of(layout, text, "stt", utterance.text, *codes))
        on_progress(done + 1, len(utterances))
    pairs = conversion_pairs(utterances)
    for index in rng.permutation(len(pairs))[:conversions]:
        source, target = pairs[index]
        codes = voices.draw(target, rng), clean[id(source)], clean[id(target)]
        example = example_of(layout, text, "vc", "", *codes)
        examples.append(replace(example, saying=saying[id(target)]))
    return examples


def written(words: WordSequence, rng: np.random.Generator) -> str:
    """Write words as people do: half of the time plainly, else with a capital, an end mark, and commas or none."""
    if rng.random() < _PLAIN_SHARE:
        return " ".join(words)
    separator = ", " if rng.random() < _PLAIN_SHARE else " "
    return separator.join(words).capitalize() + _ENDS[int(rng.integers(len(_ENDS)))]


def with_text_places(examples: Sequence[Example], text: TextTokenizer) -> list[Example]:
    """Number the words in the prompts of speaking; each is one token in each way it is written."""
    ids = [number for number in range(text.base_vocab_size) if text.decode([number]).strip().lower() in WORD_LABELS]

    def numbered(example: Example) -> Example:
        is_word = np.isin(example.ids[: example.target_start], ids)
        return replace(example, text_places=np.where(is_word, np.cumsum(is_word), UNKNOWN).astype(np.int32))

    return [numbered(example) if example.task == "tts-a" else example for example in examples]


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """Keep examples in a file, for a run that is resumed; `load_examples` reads it."""
    lengths = [len(example.ids) for example in examples]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        ids=np.concatenate([example.ids for example in examples]),
        ends=np.cumsum(lengths),
        target_starts=np.array([example.target_start for example in examples]),
        tasks=np.array([example.task for example in examples]),
        texts=np.array([example.text for example in examples]),
        guided=np.array([example.saying is not None for example in examples]),
        saying=np.concatenate([np.zeros((0, 3), np.int32), *(e.saying for e in examples if e.saying is not None)]),
    )
    partial.replace(path)


def load_examples(path: Path) -> list[Example]:
    """Read what `save_examples` wrote."""
    with np.load(path) as file:
        rows, starts, guided = np.split(file["ids"], file["ends"][:-1]), file["target_starts"], file["guided"]
        counts = (np.diff(file["ends"], prepend=0) - starts)[guided]
        saying = iter(np.split(file["saying"], np.cumsum(counts)[:-1]))
        fields = zip(rows, starts.tolist(), file["tasks"].tolist(), file["texts"].tolist(), guided, strict=True)
        return [
            Example(task=task, ids=ids, target_start=start, text=text, saying=next(saying) if known else None)
            for ids, start, task, text, known in fields
        ]


class _VoiceCodes:
    """Speaker codes of voices, each time from another recording, so that none is learnt by heart."""

    def __init__(self, parts: ModelParts, utterances: Sequence[Utterance]) -> None:
        self._parts = parts
        self._by_voice: dict[str, list[Utterance]] = {}
        self._codes: dict[int, list[int]] = {}
        for utterance in utterances:
            same = self._by_voice.setdefault(utterance.voice, [])
            if len(same) < _REFERENCES:
                same.append(utterance)

    def draw(self, utterance: Utterance, rng: np.random.Generator) -> list[int]:
        """Return the codes of a random recording of the same voice."""
        same = self._by_voice[utterance.voice]
        chosen = same[int(rng.integers(len(same)))]
        if id(chosen) not in self._codes:
            self._codes[id(chosen)] = self._parts.speaker.encode(_normalised(self._parts, chosen.wave)).tolist()
        return self._codes[id(chosen)]


def _surrounded(utterance: Utterance, silence_s: tuple[float, float], rng: np.random.Generator) -> Utterance:
    lead, tail = (round(s * SAMPLE_RATE_HZ) for s in rng.uniform(*silence_s, size=2))
    return padded(utterance, lead, tail)


def _saying(utterance: Utterance, codes: int) -> npt.NDArray[np.int32]:
    """Label each code and the end with word, place and next word: a word's silence is before it, not after it."""
    centres = (np.arange(codes) + 0.5) * SEMANTIC_HOP_SAMPLES
    saying = np.zeros((codes + 1, 3), dtype=np.int32)
    labels = [*(WORD_LABELS[word] for word in utterance.words), 0]
    begun = 0
    for place, (label, after, span) in enumerate(zip(labels, labels[1:], utterance.word_spans, strict=False), start=1):
        ended = int(np.searchsorted(centres, span.end))
        saying[begun:ended] = label, place, after
        begun = ended
    return saying


def _semantic(parts: ModelParts, wave: Waveform) -> list[int]:
    return parts.semantic.encode(_normalised(parts, wave)).tolist()


def _normalised(parts: ModelParts, wave: Waveform) -> Waveform:
    return bicodec_waveform(wave.astype(np.float64), parts.bicodec_args)
