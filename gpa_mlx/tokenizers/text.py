"""Text <-> ids, on the checkpoint's own `tokenizer.json`."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import InputTextError, ModelFormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from tokenizers import Tokenizer

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
        from tokenizers import Tokenizer, decoders

        path = Path(path)
        if not path.is_file():
            raise ModelFormatError(f"{path} is missing.", hint=_HINT)
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            # The library raises bare `Exception` for whatever it cannot read.
            raise ModelFormatError(f"{path} is not a tokenizer file: {error}.", hint=_HINT) from error
        if not isinstance(tokenizer.decoder, decoders.ByteLevel):
            raise ModelFormatError(f"{path} is not a byte-level BPE tokenizer.", hint=_HINT)
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

        Bytes that are not UTF-8 become U+FFFD.
        """
        return b"".join(map(self._bytes_of, ids)).decode(errors="replace")

    def stream(self) -> TextStream:
        """Return a decoder that takes one id at a time."""
        return TextStream(self)

    def _bytes_of(self, token_id: int) -> bytes:
        token = self._tokenizer.id_to_token(token_id) or ""
        try:
            return bytes([_BYTE_OF_CHAR[char] for char in token])
        except KeyError:  # An added token with characters outside the byte alphabet stands for itself.
            return token.encode()


class TextStream:
    """Decodes ids one by one; all pieces together equal `TextTokenizer.decode` of all ids.

    A character whose bytes are spread over several ids comes out when its last byte is there.
    """

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._bytes_of = tokenizer._bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """Add an id and return the text finished by it (may be empty)."""
        return self._decoder.decode(self._bytes_of(token_id))

    def flush(self) -> str:
        """End the stream and return what was still incomplete, as U+FFFD."""
        return self._decoder.decode(b"", final=True)
