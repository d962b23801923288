"""Where audio codes live in the vocabulary of a language model: blocks in which id = first id of the block + code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from operator import index
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

IdRange: TypeAlias = tuple[int, int]
"""Vocabulary ids from the first up to, not including, the second."""

WRONG_TOKENIZER = "Use the tokenizer files that were published with this GPA checkpoint."
"""What to do about a vocabulary that does not fit."""


@dataclass(frozen=True, slots=True)
class CodeRange:
    """A block of the vocabulary that holds the codes of one codebook.

    Attributes:
        first_id: Id of code 0.
        size: Number of codes.
    """

    first_id: int
    size: int

    def __contains__(self, token_id: int) -> bool:
        return self.first_id <= token_id < self.first_id + self.size

    @property
    def ids(self) -> IdRange:
        """All ids of the block."""
        return self.first_id, self.first_id + self.size

    def id_of(self, code: int) -> int:
        """Return the id of a code.

        Raises:
            ModelFormatError: `code` is not in `0 .. size - 1`.
        """
        if not 0 <= code < self.size:
            raise ModelFormatError(f"Code {code} is outside 0..{self.size - 1}.", hint=WRONG_TOKENIZER)
        return self.first_id + index(code)

    def code_of(self, token_id: int) -> int:
        """Return the code behind an id.

        Raises:
            ModelFormatError: The id is not in this block.
        """
        if token_id not in self:
            first, stop = self.ids
            raise ModelFormatError(f"Id {token_id} is outside {first}..{stop - 1}.", hint=WRONG_TOKENIZER)
        return index(token_id) - self.first_id

    def ids_of(self, codes: Iterable[int]) -> list[int]:
        """Return the ids of many codes; errors as `id_of`."""
        return [self.id_of(code) for code in codes]

    def codes_in(self, token_ids: Iterable[int]) -> list[int]:
        """Return the codes of those ids that lie in this block, in order; other ids are skipped."""
        return [self.code_of(token_id) for token_id in token_ids if token_id in self]


def named_block(added: Mapping[str, int], name: str, source: str) -> CodeRange:
    """Find the tokens of a codebook, which must have consecutive ids in the order of their numbers.

    Args:
        added: Added tokens, content -> id.
        name: Their spelling with `{}` for the number, which counts from 0.
        source: The tokenizer file, for error messages.

    Raises:
        ModelFormatError: There are none, one is missing, or one has another id.
    """
    pattern = re.compile(re.escape(name).replace(re.escape("{}"), "(0|[1-9][0-9]*)"))
    ids = {int(match[1]): token_id for content, token_id in added.items() if (match := pattern.fullmatch(content))}
    if not ids:
        raise ModelFormatError(f"{source} has no audio tokens such as {name.format(0)}.", hint=WRONG_TOKENIZER)
    for code in range(len(ids)):
        if code not in ids:
            raise ModelFormatError(f"{source} has no token {name.format(code)}.", hint=WRONG_TOKENIZER)
        if ids[code] != ids[0] + code:
            raise ModelFormatError(
                f"{source}: {name.format(code)} has the id {ids[code]}, not {ids[0] + code}: ids must be consecutive.",
                hint=WRONG_TOKENIZER,
            )
    return CodeRange(ids[0], len(ids))


def id_gaps(taken: Iterable[int], stop: int) -> tuple[IdRange, ...]:
    """Return the ranges of `0 .. stop - 1` between the taken ids."""
    borders = [-1, *sorted(token_id for token_id in taken if token_id < stop), stop]
    return tuple((left + 1, right) for left, right in pairwise(borders) if left + 1 < right)
