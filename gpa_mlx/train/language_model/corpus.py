"""Training examples from manifest lines: vocabulary ids, prompt and target."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpa_mlx.errors import AudioFileError, GPAError, InputTooLongError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.model.families.gpa.prompts import convert_voice_prompt, speak_prompt, transcribe_prompt
from gpa_mlx.runtime.backend import mx
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.language_model.code_cache import CodeKind, TokenCache
from gpa_mlx.train.language_model.training_manifest import ManifestError, ManifestLine, TrainingTask

_CODES: dict[TrainingTask, tuple[tuple[str, CodeKind], ...]] = {
    "stt": (("audio", "glm"), ("audio", "semantic")),
    "tts-a": (("ref_audio", "global"), ("audio", "semantic")),
    "vc": (("ref_audio", "global"), ("audio", "semantic"), ("vc_audio", "semantic")),
}
"""What is tokenised how for each task, in the order `example_of` takes it."""

UNKNOWN = -1
"""Label of what is not known, or does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One sequence to learn.

    Attributes:
        task: What is learnt.
        ids: Prompt and target, `(T,)` int32.
        target_start: First position of the target: the loss is on `ids[target_start:]` alone.
        text: The words, for the error rates of `stt`.
        alignment: Labels of each target for `AlignmentLoss`: the word being said, its index in the text, the next word,
            `(targets, 3)` int32; None where they are not known.
        text_word_indices: Index in the text of the word that each id of the prompt is, for `AlignmentLoss`: 1 for the
            first, `UNKNOWN` for ids that are no words, `(target_start,)` int32; None where there is no text.
    """

    task: TrainingTask
    ids: npt.NDArray[np.int32]
    target_start: int
    text: str = ""
    alignment: npt.NDArray[np.int32] | None = None
    text_word_indices: npt.NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """The examples of one manifest.

    Attributes:
        lines: The manifest lines the examples come from, in the same order.
        examples: What is learnt.
        too_long: One sentence per line left out because its example is over-long.
    """

    lines: tuple[ManifestLine, ...]
    examples: tuple[Example, ...]
    too_long: tuple[str, ...]


def example_of(
    layout: TokenLayout, text_tokenizer: TextTokenizer, task: TrainingTask, text: str, *codes: Sequence[int]
) -> Example:
    """Put one example together, with the target and the ends the reference trains on.

    Args:
        layout: Ids of the checkpoint.
        text_tokenizer: Of the checkpoint.
        task: What is learnt.
        text: The words; unused for `vc`.
        codes: `stt`: GLM codes, semantic codes. `tts-a`: speaker codes, semantic codes of the speech. `vc`: speaker
            codes of the target, semantic codes of the source, semantic codes of the target.

    Raises:
        InputTooLongError: More text than one speak prompt takes.
    """
    if task == "stt":
        prompt = transcribe_prompt(layout, codes[0], codes[1])
        target = [*text_tokenizer.encode(text), layout.end_content]
    elif task == "tts-a":
        prompt = speak_prompt(layout, codes[0], text_tokenizer.encode(text))
        target = layout.semantic.ids_of(codes[1])
    else:
        prompt = convert_voice_prompt(layout, codes[0], codes[1])
        target = layout.semantic.ids_of(codes[2])
    ids = np.array([*prompt, *target, layout.im_end], dtype=np.int32)
    return Example(task=task, ids=ids, target_start=len(prompt), text=text)


def build_corpus(
    parts: GPAModel,
    manifest: Path,
    lines: Sequence[ManifestLine],
    cache: TokenCache,
    *,
    max_tokens: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Tokenise all audio and make the examples.

    Several processes (`mlx.launch`) share the work: each fills the cache with its part first.

    Args:
        parts: The model.
        manifest: Where the lines come from, for messages.
        lines: What to build.
        cache: Codes known already.
        max_tokens: Longest example; longer ones, and recordings the tokenizers cannot take whole, are left out and
            reported.
        on_progress: Called with the line in work, counted from 1, and lines in total.

    Raises:
        ManifestError: Naming every line whose audio cannot be used.
        GPAError: No example is left.
    """
    group = mx.distributed.init()
    if group.size() > 1:
        for line in lines[group.rank() :: group.size()]:
            with contextlib.suppress(AudioFileError, InputTooLongError):
                _codes_of(line, cache)
        mx.eval(mx.distributed.all_sum(mx.array(1.0), group=group))  # waits for the others
    kept: list[tuple[ManifestLine, Example]] = []
    problems: list[str] = []
    too_long: list[str] = []
    for done, line in enumerate(lines, start=1):
        if on_progress:
            on_progress(done, len(lines))
        try:
            codes = _codes_of(line, cache)
            example = example_of(parts.layout, parts.text, line.task, line.text, *codes)
        except AudioFileError as error:
            problems.append(f"line {line.number}: {error.message.rstrip('.')}")
            continue
        except InputTooLongError as error:
            too_long.append(f"line {line.number}: {error.message}")
            continue
        if len(example.ids) > max_tokens:
            too_long.append(f"line {line.number}: {len(example.ids)} tokens are more than {max_tokens}.")
            continue
        kept.append((line, example))
    if problems:
        raise ManifestError(manifest, tuple(problems))
    if not kept:
        raise GPAError(f"Every example of {manifest} is too long.", hint="Raise --max-length or cut the recordings.")
    return Corpus(tuple(line for line, _ in kept), tuple(example for _, example in kept), tuple(too_long))


def split_corpus(corpus: Corpus, fraction: float, seed: int) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Set a part of the examples aside; lines that share their `audio` stay on one side.

    Args:
        corpus: All examples.
        fraction: Of the examples to set aside, as nearly as that allows; 0 sets none aside.
        seed: Of the choice.

    Returns:
        Examples to train on and examples to evaluate on.

    Raises:
        GPAError: Nothing would be left to train on.
    """
    lines_of = Counter(line.audio["audio"] for line in corpus.lines)
    recordings = sorted(lines_of)
    room = math.ceil(fraction * len(corpus.lines))
    held_out: set[Path] = set()
    for number in np.random.default_rng(seed).permutation(len(recordings)):
        recording = recordings[number]
        if lines_of[recording] <= room:
            held_out.add(recording)
            room -= lines_of[recording]
    sides = [line.audio["audio"] in held_out for line in corpus.lines]
    train = tuple(e for e, aside in zip(corpus.examples, sides, strict=True) if not aside)
    if not train:
        raise GPAError("Nothing is left to train on.", hint="Lower --eval-fraction.")
    return train, tuple(e for e, aside in zip(corpus.examples, sides, strict=True) if aside)


def digest_of(examples: Sequence[Example]) -> str:
    """Return a checksum of what is learnt: a run can only be resumed on the same data."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(np.array([len(example.ids), example.target_start], dtype=np.int64).tobytes())
        digest.update(example.ids.tobytes())
    return digest.hexdigest()


def _codes_of(line: ManifestLine, cache: TokenCache) -> list[list[int]]:
    return [cache.codes(line.audio[key], kind).tolist() for key, kind in _CODES[line.task]]
