"""Validation on held-out examples: loss, word and character error rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.nn.qwen3 import Qwen3
from gpa_mlx.runtime.backend import mx
from gpa_mlx.text.metrics import character_error_rate, word_error_rate
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.language_model.batches import collate, plan_epoch, target_tokens
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.sequence_loss import summed_loss
from gpa_mlx.types import GenerationOptions

_MAX_NEW_TOKENS = 512


def mean_loss(model: Qwen3, examples: Sequence[Example], batch_tokens: int) -> float:
    """Return the cross entropy per target id, in nats."""
    total = 0.0
    for numbers in plan_epoch([len(example.ids) for example in examples], batch_tokens, seed=0, epoch=0):
        total += cast(float, summed_loss(model, collate([examples[n] for n in numbers])).item())
    return total / target_tokens(examples)


def transcripts(
    model: Qwen3, layout: TokenLayout, text_tokenizer: TextTokenizer, examples: Sequence[Example]
) -> list[tuple[str, str]]:
    """Transcribe greedily.

    Args:
        model: The decoder.
        layout: Ids of the checkpoint.
        text_tokenizer: Of the checkpoint.
        examples: Those of other tasks than `stt` are skipped.

    Returns:
        Reference text and what the model writes, per example.
    """
    stops = frozenset({layout.im_end, layout.end_content})
    head = SlicedHead(model.output_layer, [*layout.text_ranges, *((stop, stop + 1) for stop in stops)])
    pairs = []
    for example in examples:
        if example.task != "stt":
            continue
        prompt = example.ids[: example.target_start].tolist()
        budget = min(_MAX_NEW_TOKENS, model.args.max_position_embeddings - len(prompt))
        tokens = generate_tokens(model, head, prompt, GenerationOptions(), max_tokens=budget, stop_ids=stops)
        pairs.append((example.text, text_tokenizer.decode(token.id for token in tokens if token.id not in stops)))
    return pairs


def evaluate(
    model: Qwen3,
    layout: TokenLayout,
    text_tokenizer: TextTokenizer,
    examples: Sequence[Example],
    *,
    batch_tokens: int,
    max_transcripts: int,
) -> dict[str, float]:
    """Return `eval_loss` and, where there are `stt` examples, `wer` and `cer` of the first `max_transcripts`."""
    figures = {"eval_loss": mean_loss(model, examples, batch_tokens)}
    speech = [example for example in examples if example.task == "stt"][:max_transcripts]
    if speech:
        pairs = transcripts(model, layout, text_tokenizer, speech)
        figures |= {"wer": word_error_rate(pairs), "cer": character_error_rate(pairs)}
    mx.clear_cache()
    return figures
