"""Where in a file the streams of samples are, as its own bytes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpa_mlx.audio.files.spliced_file import Piece


@dataclass(frozen=True, slots=True)
class Link:
    """One stream: what libsndfile reads as a file.

    Attributes:
        pieces: The bytes.
        frames: Samples per channel that are there, or that the header promises; None when unknown.
    """

    pieces: tuple[Piece, ...]
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The streams of a file, in order; more than one when files were joined.

    Attributes:
        links: At least one.
        is_mpeg: libmpg123 decodes it.
        damaged_s: Where in the sound something was that belongs to no stream, in seconds.
        duration_s: Of everything, counted; None when unknown.
        promised_s: Length that a header states of a file that is cut off; None of others.
        is_damaged: Something in it is known to be missing, so that time stamps are needed to place the rest.
        is_unended: The mark that ends the last stream is missing.
    """

    links: tuple[Link, ...]
    is_mpeg: bool = False
    damaged_s: tuple[float, ...] = ()
    duration_s: float | None = None
    promised_s: float | None = None
    is_damaged: bool = False
    is_unended: bool = False
