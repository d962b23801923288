"""Tokens per second of the language model: gpa-mlx's sliced head against mlx-lm and transformers with the full one."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from mlx.utils import tree_flatten
from trials import MLX_LM, OURS, TORCH, Comparison, interleave

from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.model.families.gpa.prompts import speak_prompt, transcribe_prompt
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.types import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch_worker import TorchWorker

    from gpa_mlx.lm.head import SlicedHead
    from gpa_mlx.model.families.gpa.family import GPAModel

_TEXT = "The quick brown fox jumps over the lazy dog and runs on."


def compare_decoding(
    parts: GPAModel, torch: TorchWorker | None, tokens: int, trials: int
) -> Iterator[tuple[Comparison, dict[str, float]]]:
    """Compare the language model per task; also yields the bytes of weights each contender reads per token."""
    rng = np.random.default_rng(0)
    layout, speaker = parts.layout, parts.bicodec_args.speaker_encoder
    speech_prompt = speak_prompt(
        layout, rng.integers(0, speaker.codebook_size, speaker.token_num), parts.text.encode(_TEXT)
    )
    text_prompt = transcribe_prompt(
        layout,
        rng.integers(0, parts.glm_args.codebook_size, 19),
        rng.integers(0, parts.bicodec_args.quantizer.codebook_size, 76),
    )
    stock = _mlx_lm_model(parts.path) if find_spec("mlx_lm") else None
    if torch is not None:
        torch.ask("load", part="lm")
    bars = {"speech": 1.2, "text": 1.0}
    for task, prompt, head in (
        ("speech", speech_prompt, parts.speech_head),
        ("text", text_prompt, parts.text_head),
    ):
        contenders = {OURS: lambda p=prompt, h=head: _our_rate(parts, h, p, tokens)}
        read = {OURS: _bytes_per_token(parts, len(head.ids))}
        if stock is not None:
            contenders[MLX_LM] = lambda p=prompt: _mlx_lm_rate(stock, p, tokens)
            read[MLX_LM] = _bytes_per_token(parts, parts.lm_args.vocab_size)
        if torch is not None:
            contenders[TORCH] = lambda p=prompt: _torch_rate(torch, p, tokens)
            read[TORCH] = 4.0 * _parameters_per_token(parts)
        comparison = Comparison(
            what=f"decode {task}: {len(prompt)} prompt + {tokens} new tokens",
            unit="tok/s",
            better="higher",
            values=interleave(contenders, trials),
            notes={
                OURS: f"sliced head, {len(head.ids)} of {parts.lm_args.vocab_size} rows",
                MLX_LM: "generate_step, full head",
                TORCH: "Qwen3ForCausalLM.generate, full head, float32",
            },
            bar={MLX_LM: bars[task]},
        )
        yield comparison, read
    if torch is not None:
        torch.ask("unload")


def _rate(ids: Iterator[Any], tokens: int) -> float:
    """Tokens per second after the first one."""
    next(ids)
    start = time.perf_counter()
    count = sum(1 for _ in ids)
    seconds = time.perf_counter() - start
    if count != tokens - 1:
        raise RuntimeError(f"{count + 1} tokens came instead of {tokens}")
    return count / seconds


def _our_rate(parts: GPAModel, head: SlicedHead, prompt: list[int], tokens: int) -> float:
    options = GenerationOptions(max_tokens=tokens)
    stream = generate_tokens(parts.language_model, head, prompt, options, max_tokens=tokens, stop_ids=frozenset())
    return _rate(stream, tokens)


def _mlx_lm_model(path: Path) -> nn.Module:
    from mlx_lm.utils import load_model

    return load_model(path, lazy=False)[0]


def _mlx_lm_rate(model: nn.Module, prompt: list[int], tokens: int) -> float:
    from mlx_lm.generate import generate_step

    return _rate(generate_step(mx.array(prompt), model, max_tokens=tokens), tokens)


def _torch_rate(torch: TorchWorker, prompt: list[int], tokens: int) -> float:
    answer = torch.ask("decode", prompt=[int(i) for i in prompt], max_tokens=tokens)
    return (len(answer["tokens"]) - 1) / answer["rest_s"]


def _nbytes(module: nn.Module) -> int:
    return sum(array.nbytes for _, array in tree_flatten(module.parameters()))


def _bytes_per_token(parts: GPAModel, rows: int) -> float:
    model = parts.language_model
    row = _nbytes(model.output_layer) / parts.lm_args.vocab_size
    return sum(_nbytes(layer) for layer in model.model.layers) + _nbytes(model.model.norm) + rows * row


def _parameters_per_token(parts: GPAModel) -> int:
    args = parts.lm_args
    attention = args.hidden_size * args.head_dim * 2 * (args.num_heads + args.num_kv_heads)
    norms = 2 * args.hidden_size + 2 * args.head_dim
    layer = attention + 3 * args.hidden_size * args.intermediate_size + norms
    return args.num_layers * layer + args.hidden_size * (args.vocab_size + 1)
