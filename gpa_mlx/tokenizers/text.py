"""Text <-> ids, on the checkpoint's own `tokenizer.json`."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import InputTextError, ModelFormatError
from gpa_mlx.nn.bounds import MAX_VOCABULARY
from gpa_mlx.store.config_reader import parse_unique
from gpa_mlx.store.files import read_limited
from gpa_mlx.text.printable import without_controls

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from tokenizers import Tokenizer

MAX_TOKENIZER_BYTES = 64 * 2**20
"""Of a file of a text tokenizer; Qwen3's, with 151,000 entries, has 11 MB."""

_NORMALIZERS = ("NFC",)
_PRE_TOKENIZERS = ("ByteLevel", "Split")
_MAX_PATTERN = 1000
# A repeated group with a repetition inside backtracks exponentially; Qwen's pattern has none.
_NESTED_REPETITION = re.compile(r"[*+}]\)*[^()]*\)[*+{]|\\[1-9]")
_HINT = "Use the tokenizer files that were published with this GPA checkpoint."


def _byte_of_char() -> dict[str, int]:
    """Invert GPT-2's spelling of bytes as printable characters (Radford et al. 2019, `bytes_to_unicode`)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTE_OF_CHAR = _byte_of_char()


class TextTokenizer:
    """Byte-level BPE with added tokens.

    Args:
        tokenizer: A loaded tokenizer whose decoder is `ByteLevel`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # The same model without its added tokens: what a user writes must never turn into a control token.
        self._plain = type(tokenizer)(tokenizer.model)
        self._plain.normalizer = tokenizer.normalizer
        self._plain.pre_tokenizer = tokenizer.pre_tokenizer

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TextTokenizer:
        """Load a `tokenizer.json`.

        Raises:
            ModelFormatError: The file is missing, not a tokenizer, or not byte-level BPE.
        """
        from tokenizers import Tokenizer

        path = Path(path)
        if not path.is_file():
            raise ModelFormatError(f"{path} is missing.", hint=_HINT)
        try:
            content = read_limited(path, MAX_TOKENIZER_BYTES).decode()
            problem = _problem_of(parse_unique(content))
        except OSError as error:
            raise ModelFormatError(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from error
        except (ValueError, RecursionError) as error:
            raise ModelFormatError(f"{path} is not a tokenizer file: it is not JSON.", hint=_HINT) from error
        if problem:
            raise ModelFormatError(f"{path} is not a tokenizer file of GPA's kind: {problem}.", hint=_HINT)
        try:
            tokenizer = Tokenizer.from_str(content)
        except BaseException as error:
            # The library raises bare `Exception` for whatever it cannot read, and its panics are not even that.
            if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
                raise
            raise ModelFormatError(f"{path} is not a tokenizer file: {error}.", hint=_HINT) from error
        return cls(tokenizer)

    @property
    def base_vocab_size(self) -> int:
        """Number of ids of the BPE vocabulary itself, without added tokens."""
        return self._tokenizer.get_vocab_size(with_added_tokens=False)

    def added_tokens(self) -> dict[str, int]:
        """Return the added tokens, content -> id."""
        return {token.content: token_id for token_id, token in self._tokenizer.get_added_tokens_decoder().items()}

    def encode(self, text: str) -> list[int]:
        """Return the ids of plain text.

        Nothing is put before or after it, and the spelling of an added token (`<|im_end|>`) is text like any other.
        The reference lets such a spelling act as a control token.

        Raises:
            InputTextError: The text is not valid Unicode.
        """
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputTextError(
                f"The text has an invalid character at position {error.start}.", hint="Save it as UTF-8."
            ) from error
        return self._plain.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; added tokens come back as their spelling, ids without a token as nothing.

        Bytes that are not UTF-8 become U+FFFD; what a terminal would obey, an escape sequence, is left out.
        """
        return without_controls(b"".join(map(self._bytes_of, ids)).decode(errors="replace"))

    def stream(self) -> TextStream:
        """Return a decoder that takes one id at a time."""
        return TextStream(self)

    def _bytes_of(self, token_id: int) -> bytes:
        token = self._tokenizer.id_to_token(token_id) or ""
        try:
            return bytes([_BYTE_OF_CHAR[char] for char in token])
        except KeyError:  # An added token with characters outside the byte alphabet stands for itself.
            return token.encode()


def _problem_of(content: object) -> str | None:
    """Return what keeps the content of a file from being byte-level BPE with NFC and a splitting pattern.

    The library has components that replace text without end or choose merges at random, and it panics on files that it
    would never write.
    """
    if not isinstance(content, dict):
        return "it is no JSON object"
    model, decoder = content.get("model"), content.get("decoder")
    if not isinstance(model, dict) or not isinstance(decoder, dict):
        return "it has no model or no decoder"
    if model.get("type") != "BPE" or decoder.get("type") != "ByteLevel":
        return "its model or its decoder is of another type"
    vocab, added = model.get("vocab"), content.get("added_tokens")
    if not isinstance(vocab, dict) or not isinstance(added, list):
        return "it has no vocabulary or no added tokens"
    ids = [*vocab.values(), *(token.get("id") if isinstance(token, dict) else None for token in added)]
    if not all(type(token_id) is int and 0 <= token_id < MAX_VOCABULARY for token_id in ids):
        return f"an id is not a number below {MAX_VOCABULARY}"
    for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            return f"its model has a {key}"
    for key, allowed in (("normalizer", _NORMALIZERS), ("pre_tokenizer", _PRE_TOKENIZERS)):
        for part in _parts(content.get(key)):
            if not isinstance(part, dict) or part.get("type") not in allowed:
                return f"its {key} is of another type"
            if not _is_harmless(part.get("pattern")):
                return "its splitting pattern may take time without end"
    return None


def _parts(component: object) -> list[object]:
    """Return the members of a sequence of normalizers or pre-tokenizers, or what is alone."""
    if component is None:
        return []
    if isinstance(component, dict) and component.get("type") == "Sequence":
        members = component.get("normalizers") or component.get("pretokenizers")
        return members if isinstance(members, list) else [None]
    return [component]


def _is_harmless(pattern: object) -> bool:
    if pattern is None:
        return True
    text = pattern.get("Regex") if isinstance(pattern, dict) else None
    return isinstance(text, str) and len(text) <= _MAX_PATTERN and not _NESTED_REPETITION.search(text)


class TextStream:
    """Decodes ids one by one; all pieces together equal `TextTokenizer.decode` of all ids.

    A character whose bytes are spread over several ids comes out when its last byte is there.
    """

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._bytes_of = tokenizer._bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """Add an id and return the text finished by it (may be empty)."""
        return without_controls(self._decoder.decode(self._bytes_of(token_id)))

    def flush(self) -> str:
        """End the stream and return what was still incomplete, as U+FFFD."""
        return self._decoder.decode(b"", final=True)
