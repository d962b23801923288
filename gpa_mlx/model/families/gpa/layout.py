"""Where the audio codes and control tokens of a GPA checkpoint live in its vocabulary.

GPA is one language model over text and discrete audio codes. Its vocabulary is a byte-level BPE followed by added
tokens: markers, and three blocks of codes. Every number is derived from the tokenizer, because it differs between
checkpoints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model.vocab import WRONG_TOKENIZER, CodeRange, IdRange, id_gaps, named_block

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKERS = {
    "start_glm": "<|start_glm_token|>",
    "end_glm": "<|end_glm_token|>",
    "start_semantic": "<|start_semantic_token|>",
    "end_semantic": "<|end_semantic_token|>",
    "start_global": "<|start_global_token|>",
    "end_global": "<|end_global_token|>",
    "start_content": "<|start_content|>",
    "end_content": "<|end_content|>",
    "im_end": "<|im_end|>",
}
_SEMANTIC = "<|bicodec_semantic_{}|>"
_GLOBAL = "<|bicodec_global_{}|>"
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<number>[0-9]+)(?P<tail>[^0-9]*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLayout:
    """Ids of everything a prompt or a result is made of.

    Attributes:
        start_glm: `<|start_glm_token|>`.
        end_glm: `<|end_glm_token|>`.
        start_semantic: `<|start_semantic_token|>`.
        end_semantic: `<|end_semantic_token|>`.
        start_global: `<|start_global_token|>`.
        end_global: `<|end_global_token|>`.
        start_content: `<|start_content|>`.
        end_content: `<|end_content|>`.
        im_end: `<|im_end|>`, which ends every answer.
        glm: GLM-4-voice codes.
        semantic: BiCodec semantic codes.
        global_: BiCodec speaker codes.
        text_ranges: Ids that can occur in a transcription, ascending: the base vocabulary without any added token.
        num_ids: One more than the highest id of the tokenizer.
        source: The tokenizer file, for error messages.
    """

    start_glm: int
    end_glm: int
    start_semantic: int
    end_semantic: int
    start_global: int
    end_global: int
    start_content: int
    end_content: int
    im_end: int
    glm: CodeRange
    semantic: CodeRange
    global_: CodeRange
    text_ranges: tuple[IdRange, ...]
    num_ids: int
    source: str

    @classmethod
    def from_added_tokens(cls, added: Mapping[str, int], base_vocab_size: int, source: str) -> TokenLayout:
        """Derive the layout from a tokenizer.

        Markers and BiCodec tokens are found by name. The spelling of the GLM tokens is not fixed by any published
        source, so their block is found by position: the run of consecutively numbered added tokens that ends right
        before `<|bicodec_global_0|>`.

        Args:
            added: Added tokens, content -> id.
            base_vocab_size: Number of ids of the BPE vocabulary itself (ids `0 .. base_vocab_size - 1`).
            source: The tokenizer file, for error messages.

        Raises:
            ModelFormatError: Audio tokens or markers are missing, not consecutive, or share an id.
        """
        tokens: dict[int, str] = {}
        for content, token_id in added.items():
            if token_id in tokens:
                raise ModelFormatError(f"{source}: {tokens[token_id]} and {content} share the id {token_id}.")
            tokens[token_id] = content
        semantic = named_block(added, _SEMANTIC, source)
        global_ = named_block(added, _GLOBAL, source)
        for marker in _MARKERS.values():
            if marker not in added:
                raise ModelFormatError(f"{source} has no token {marker}.", hint=WRONG_TOKENIZER)
        return cls(
            **{field: added[marker] for field, marker in _MARKERS.items()},
            glm=_block_before(tokens, global_.first_id, source),
            semantic=semantic,
            global_=global_,
            text_ranges=id_gaps(added.values(), base_vocab_size),
            num_ids=max(base_vocab_size, 1 + max(tokens)),
            source=source,
        )

    def is_text(self, token_id: int) -> bool:
        """Return whether an id can occur in text."""
        return any(first <= token_id < stop for first, stop in self.text_ranges)

    def check_codebooks(self, *, glm: int, semantic: int, global_: int) -> None:
        """Check that every code of the audio tokenizers has an id.

        Args:
            glm: Codebook size of the GLM tokenizer.
            semantic: Codebook size of the BiCodec quantiser.
            global_: Number of values of a speaker code.

        Raises:
            ModelFormatError: A block is smaller than its codebook.
        """
        for kind, block, codes in (
            ("GLM", self.glm, glm),
            ("semantic", self.semantic, semantic),
            ("global", self.global_, global_),
        ):
            if block.size < codes:
                raise ModelFormatError(
                    f"{self.source} has {block.size} {kind} tokens, but the {kind} codebook has {codes} codes.",
                    hint=WRONG_TOKENIZER,
                )

    def check_vocab_size(self, rows: int) -> None:
        """Check that every id has an embedding; more rows than ids are padding.

        Raises:
            ModelFormatError: The embedding has fewer rows than the tokenizer has ids.
        """
        if rows < self.num_ids:
            raise ModelFormatError(
                f"{self.source} has ids up to {self.num_ids - 1}, but the language model's embedding has {rows} rows.",
                hint=WRONG_TOKENIZER,
            )


def _block_before(tokens: Mapping[int, str], stop: int, source: str) -> CodeRange:
    """Find the run of consecutively numbered tokens whose last id is `stop - 1`."""
    last = _numbered(tokens.get(stop - 1, ""))
    if last is None or last[0] == _SEMANTIC.partition("{}")[0]:
        raise ModelFormatError(f"{source} has no GLM tokens right before {_GLOBAL.format(0)}.", hint=WRONG_TOKENIZER)
    head, number, tail = last
    size = 1
    while _numbered(tokens.get(stop - 1 - size, "")) == (head, number - size, tail):
        size += 1
    return CodeRange(stop - size, size)


def _numbered(content: str) -> tuple[str, int, str] | None:
    """Split at the last number: `<|a_12|>` -> (`<|a_`, 12, `|>`)."""
    match = _NUMBERED.fullmatch(content)
    return (match["head"], int(match["number"]), match["tail"]) if match else None
