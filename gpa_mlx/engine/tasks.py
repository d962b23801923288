"""What the three tasks share: the parts and output rows they need, how generation ends, checked options."""

from __future__ import annotations

import secrets
from dataclasses import replace

import numpy as np

from gpa_mlx.audio.recording import Recording
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.sampling import check_options
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.runtime.parallel import run_parallel
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.tokenizers.glm import GLMTokenizer, IncrementalGLMTokenizer
from gpa_mlx.types import Codes, GenerationOptions, Task

DEFAULT_MAX_TOKENS = 512

_NEEDS: dict[Task, tuple[str, ...]] = {
    "transcribe": ("glm", "semantic", "text_head"),
    "speak": ("speech_head", "vocoder"),
    "vc": ("semantic", "speech_head", "vocoder"),
}


def load_parts(parts: ModelParts, task: Task) -> None:
    """Load now what a task needs."""
    for name in _NEEDS[task]:
        getattr(parts, name)


def head_of(parts: ModelParts, task: Task, options: GenerationOptions) -> SlicedHead:
    """Return the output rows that a task may use."""
    if not options.constrain:
        return parts.full_head
    return parts.text_head if task == "transcribe" else parts.speech_head


def stop_ids_of(parts: ModelParts, options: GenerationOptions) -> frozenset[int]:
    """Return the ids that end the output."""
    layout = parts.layout
    return frozenset({layout.im_end, layout.end_content} if options.constrain else {layout.im_end})


def semantic_codes(parts: ModelParts, recording: Recording) -> Codes:
    """Return BiCodec's codes for what is said in a recording of at least 25 ms."""
    return parts.semantic.encode(bicodec_waveform(recording.first_channel, parts.bicodec_args))


def glm_and_semantic_codes(
    parts: ModelParts, recording: Recording, glm: GLMTokenizer | IncrementalGLMTokenizer | None = None
) -> tuple[Codes, Codes]:
    """Return what transcription reads of a recording of at least 25 ms.

    Args:
        parts: The model's parts.
        recording: Its GLM codes cover at most the first 30 s, the tokenizer's limit.
        glm: Takes the place of the model's own GLM tokenizer.

    Raises:
        CancelledError: A surrounding `cancellable` scope is cancelled.
    """
    # Both are loaded here, so that weights are read by the thread that keeps them.
    glm, semantic = glm or parts.glm, parts.semantic
    mean = recording.channel_mean[: parts.glm.max_samples].astype(np.float32)
    wave = bicodec_waveform(recording.first_channel, parts.bicodec_args)
    return run_parallel(lambda: glm.encode(mean), lambda: semantic.encode(wave))


def checked(options: GenerationOptions) -> GenerationOptions:
    """Return options with a seed of their own where one is needed.

    Raises:
        SettingsError: An option is out of range.
    """
    check_options(options)
    if options.temperature > 0 and options.seed is None:
        options = replace(options, seed=secrets.randbits(31))
    return options
