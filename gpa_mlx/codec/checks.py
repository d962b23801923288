"""Whether codes are ones that a model has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.nn.bicodec.config import BiCodecArgs


def check_semantic_codes(codes: Sequence[int], args: BiCodecArgs) -> None:
    """Check semantic codes; none at all are fine.

    Raises:
        GPAError: A code is outside the codebook.
    """
    _check_range(codes, args.quantizer.codebook_size, "semantic code")


def check_global_tokens(global_tokens: Sequence[int], args: BiCodecArgs) -> None:
    """Check speaker codes.

    Raises:
        GPAError: Not as many as the model has, or one is outside its codebook.
    """
    speaker = args.speaker_encoder
    if len(global_tokens) != speaker.token_num:
        raise GPAError(
            f"{len(global_tokens)} global tokens were given; this model's voices have {speaker.token_num}.",
            hint="Make the voice again with this model.",
        )
    _check_range(global_tokens, speaker.codebook_size, "global token")


def _check_range(codes: Sequence[int], size: int, what: str) -> None:
    outside = [code for code in codes if not 0 <= code < size]
    if outside:
        raise GPAError(
            f"The {what} {outside[0]} does not exist: this model has 0 to {size - 1}.",
            hint="Use codes made by the same model.",
        )
