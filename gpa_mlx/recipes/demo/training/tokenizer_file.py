"""The demo model's `tokenizer.json`: a small byte-level BPE with GPA's markers and audio tokens behind it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gpa_mlx.recipes.demo.data.vocabulary import WORDS

_CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_MARKERS = (
    "<|start_content|>", "<|end_content|>", "<|start_glm_token|>", "<|end_glm_token|>", "<|start_semantic_token|>",
    "<|end_semantic_token|>", "<|start_global_token|>", "<|end_global_token|>",
)  # fmt: skip


def write_tokenizer(
    path: Path, *, words: Sequence[str] = WORDS, glm_codes: int, global_codes: int, semantic_codes: int
) -> None:
    """Write a tokenizer in which each of the demo's words is one token, also after a blank and with a capital.

    Args:
        path: The `tokenizer.json` to write.
        words: What it writes and reads.
        glm_codes: Size of the GLM codebook.
        global_codes: Number of different speaker codes.
        semantic_codes: Size of the semantic codebook.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), min_frequency=1
    )
    forms = [blank + form for word in words for form in (word, word.capitalize()) for blank in ("", " ")]
    tokenizer.train_from_iterator(forms, trainer)
    blocks = {"glm_semantic": glm_codes, "bicodec_global": global_codes, "bicodec_semantic": semantic_codes}
    codes = [f"<|{name}_{code}|>" for name, size in blocks.items() for code in range(size)]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in _CONTROL])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in (*_MARKERS, *codes)])
    # Several stages write it at once, each before it reads it.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    tokenizer.save(str(part))
    part.replace(path)
