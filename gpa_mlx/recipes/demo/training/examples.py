"""Training examples of the language model: recordings as codes, in all three tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpa_mlx.audio.dsp.loudness import remove_dc
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES
from gpa_mlx.recipes.demo.data.augment import AugmentConfig, augment
from gpa_mlx.recipes.demo.data.dataset import conversion_pairs, steady_speech
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance, padded
from gpa_mlx.recipes.demo.data.vocabulary import WORD_LABELS, WordSequence
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.language_model.corpus import UNKNOWN, Example, example_of
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

_TTS_SILENCE_S = (0.05, 0.2)
_STT_SILENCE_S = (0.05, 0.4)

_AUGMENTED_EVERY = 4
_VOCODED_EVERY = 8
_REFERENCES = 50
"""Recordings of a voice that its speaker codes are taken from."""

_PLAIN_SHARE = 0.5
_ENDS = (".", "!", "?", "")


def make_examples(
    parts: GPAModel,
    utterances: Sequence[LabelledUtterance],
    *,
    stt_copies: int,
    tts_copies: int,
    vc_pairs: int,
    seed: int,
) -> list[Example]:
    """Tokenise the recordings as at run time, and make the examples of all three tasks.

    Args:
        parts: The packed model with its final tokenizers.
        utterances: Training recordings, silence and noise among them.
        stt_copies: Recognition examples per recording, each augmented differently; the first one not at all.
        tts_copies: Examples of speaking per recording, each with other speaker codes of its voice and another spelling
            of its text.
        vc_pairs: Most pairs to learn voice conversion from.
        seed: Of everything random.
    """
    rng = np.random.default_rng((seed, 7))
    layout, text = parts.layout, parts.text
    spoken = {id(utterance) for utterance in steady_speech(utterances)}
    clean: dict[int, list[int]] = {}
    alignment: dict[int, npt.NDArray[np.int32]] = {}
    examples = []
    for utterance in utterances:
        for copy in range(stt_copies):
            whole = _with_silence(utterance, _STT_SILENCE_S if copy else _TTS_SILENCE_S, rng)
            wave = augment(whole.wave[None], rng, AugmentConfig())[0] if copy else whole.wave
            semantic = _semantic(parts, wave)
            if copy == 0:
                clean[id(utterance)] = semantic
                alignment[id(utterance)] = _alignment_labels(whole, len(semantic))
            codes = parts.glm.encode(wave).tolist(), semantic
            examples.append(example_of(layout, text, "stt", utterance.text, *codes))
    voices = _VoiceCodes(parts, [utterance for utterance in utterances if id(utterance) in spoken])
    for utterance in utterances:
        if id(utterance) in spoken:
            for _ in range(tts_copies):
                codes = voices.draw(utterance, rng), clean[id(utterance)]
                example = example_of(layout, text, "tts-a", text_variant(utterance.words, rng), *codes)
                examples.append(replace(example, alignment=alignment[id(utterance)]))
    pairs = conversion_pairs(utterances)
    for index in rng.permutation(len(pairs))[:vc_pairs]:
        source, target = pairs[index]
        codes = voices.draw(target, rng), clean[id(source)], clean[id(target)]
        example = example_of(layout, text, "vc", "", *codes)
        examples.append(replace(example, alignment=alignment[id(target)]))
    return examples


def make_synthetic_examples(
    parts: GPAModel,
    utterances: Sequence[LabelledUtterance],
    *,
    vc_pairs: int,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Example]:
    """Tokenise the synthetic data and make its examples: of speaking, of recognition, of voice conversion.

    All steady speech of the speaking voices is to be spoken. To be recognised are a quarter of it, augmented; an eighth
    of it resynthesised from its codes, so that the model understands what it says; and everything else, as it is and
    augmented.

    Args:
        parts: The packed model with everything but its language model final.
        utterances: Speech.
        vc_pairs: Most pairs to learn voice conversion from.
        seed: Of everything random.
        on_progress: Told how many recordings of how many are done.
    """
    rng = np.random.default_rng((seed, 8))
    layout, text = parts.layout, parts.text
    steady = steady_speech(utterances)
    spoken = {id(utterance) for utterance in steady}
    voices = _VoiceCodes(parts, steady)
    clean: dict[int, list[int]] = {}
    alignment: dict[int, npt.NDArray[np.int32]] = {}
    examples = []
    for done, utterance in enumerate(utterances):
        whole = _with_silence(utterance, _TTS_SILENCE_S, rng)
        wave = whole.wave
        semantic = clean[id(utterance)] = _semantic(parts, wave)
        inputs = []
        if id(utterance) not in spoken:
            inputs = [wave, augment(wave[None], rng, AugmentConfig())[0]]
        else:
            alignment[id(utterance)] = _alignment_labels(whole, len(semantic))
            speaker = voices.draw(utterance, rng)
            example = example_of(layout, text, "tts-a", text_variant(utterance.words, rng), speaker, semantic)
            examples.append(replace(example, alignment=alignment[id(utterance)]))
            if done % _AUGMENTED_EVERY == 0:
                inputs = [augment(wave[None], rng, AugmentConfig())[0]]
            elif done % _VOCODED_EVERY == 1:
                inputs = [remove_dc(parts.vocoder.decode(semantic, speaker))]
        for samples in inputs:
            codes = parts.glm.encode(samples).tolist(), _semantic(parts, samples)
            examples.append(example_of(layout, text, "stt", utterance.text, *codes))
        on_progress(done + 1, len(utterances))
    pairs = conversion_pairs(utterances)
    for index in rng.permutation(len(pairs))[:vc_pairs]:
        source, target = pairs[index]
        codes = voices.draw(target, rng), clean[id(source)], clean[id(target)]
        example = example_of(layout, text, "vc", "", *codes)
        examples.append(replace(example, alignment=alignment[id(target)]))
    return examples


def text_variant(words: WordSequence, rng: np.random.Generator) -> str:
    """Augment a text: half of the time plain words, else with a capital, an end mark, and commas or none."""
    if rng.random() < _PLAIN_SHARE:
        return " ".join(words)
    separator = ", " if rng.random() < _PLAIN_SHARE else " "
    return separator.join(words).capitalize() + _ENDS[int(rng.integers(len(_ENDS)))]


def with_word_indices(examples: Sequence[Example], text: TextTokenizer) -> list[Example]:
    """Label the words in the prompts of speaking with their indices; each is one token however it is spelt."""
    ids = [number for number in range(text.base_vocab_size) if text.decode([number]).strip().lower() in WORD_LABELS]

    def numbered(example: Example) -> Example:
        is_word = np.isin(example.ids[: example.target_start], ids)
        return replace(example, text_word_indices=np.where(is_word, np.cumsum(is_word), UNKNOWN).astype(np.int32))

    return [numbered(example) if example.task == "tts-a" else example for example in examples]


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples to an `.npz`, for a run that is resumed; `load_examples` reads it."""
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
        aligned=np.array([example.alignment is not None for example in examples]),
        alignment=np.concatenate(
            [np.zeros((0, 3), np.int32), *(e.alignment for e in examples if e.alignment is not None)]
        ),
    )
    partial.replace(path)


def load_examples(path: Path) -> list[Example]:
    """Read what `save_examples` wrote."""
    with np.load(path) as file:
        rows, starts, aligned = np.split(file["ids"], file["ends"][:-1]), file["target_starts"], file["aligned"]
        counts = (np.diff(file["ends"], prepend=0) - starts)[aligned]
        alignment = iter(np.split(file["alignment"], np.cumsum(counts)[:-1]))
        fields = zip(rows, starts.tolist(), file["tasks"].tolist(), file["texts"].tolist(), aligned, strict=True)
        return [
            Example(task=task, ids=ids, target_start=start, text=text, alignment=next(alignment) if known else None)
            for ids, start, task, text, known in fields
        ]


class _VoiceCodes:
    """Speaker codes drawn from many recordings of each voice, against overfitting to one."""

    def __init__(self, parts: GPAModel, utterances: Sequence[LabelledUtterance]) -> None:
        self._parts = parts
        self._by_voice: dict[str, list[LabelledUtterance]] = {}
        self._codes: dict[int, list[int]] = {}
        for utterance in utterances:
            same = self._by_voice.setdefault(utterance.voice, [])
            if len(same) < _REFERENCES:
                same.append(utterance)

    def draw(self, utterance: LabelledUtterance, rng: np.random.Generator) -> list[int]:
        """Return the codes of a random recording of the same voice."""
        same = self._by_voice[utterance.voice]
        chosen = same[int(rng.integers(len(same)))]
        if id(chosen) not in self._codes:
            self._codes[id(chosen)] = self._parts.speaker.encode(_normalised(self._parts, chosen.wave)).tolist()
        return self._codes[id(chosen)]


def _with_silence(
    utterance: LabelledUtterance, silence_s: tuple[float, float], rng: np.random.Generator
) -> LabelledUtterance:
    lead, tail = (round(s * SAMPLE_RATE_HZ) for s in rng.uniform(*silence_s, size=2))
    return padded(utterance, lead, tail)


def _alignment_labels(utterance: LabelledUtterance, codes: int) -> npt.NDArray[np.int32]:
    """Label each code and the end with word, index and next word; the silence before a word belongs to it."""
    centres = (np.arange(codes) + 0.5) * SEMANTIC_HOP_SAMPLES
    alignment = np.zeros((codes + 1, 3), dtype=np.int32)
    labels = [*(WORD_LABELS[word] for word in utterance.words), 0]
    begun = 0
    for index, (label, after, span) in enumerate(zip(labels, labels[1:], utterance.word_spans, strict=False), start=1):
        ended = int(np.searchsorted(centres, span.end))
        alignment[begun:ended] = label, index, after
        begun = ended
    return alignment


def _semantic(parts: GPAModel, wave: Waveform) -> list[int]:
    return parts.semantic.encode(_normalised(parts, wave)).tolist()


def _normalised(parts: GPAModel, wave: Waveform) -> Waveform:
    return bicodec_waveform(wave.astype(np.float64), parts.bicodec_args)
