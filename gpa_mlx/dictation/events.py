"""What happens while somebody dictates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from gpa_mlx.errors import GPAError
    from gpa_mlx.history import Entry
    from gpa_mlx.text.custom_vocabulary import Replacement


@dataclass(frozen=True, slots=True)
class Listening:
    """The microphone has given its first sound: from here on every word is heard."""


@dataclass(frozen=True, slots=True)
class Level:
    """How loud it is.

    Attributes:
        rms_db: Root mean square in dB of full scale.
        peak_db: Largest magnitude in dB of full scale.
        elapsed_s: Length of the recording so far.
    """

    rms_db: float
    peak_db: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Partial:
    """What was heard so far of the present text.

    Attributes:
        confirmed: Stays, most likely.
        unconfirmed: Follows it, and may still change.
    """

    confirmed: str
    unconfirmed: str


@dataclass(frozen=True, slots=True)
class NoInput:
    """The microphone gives nothing but exact zeros; the recording goes on.

    Attributes:
        advice: What to do.
    """

    advice: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about; the recording goes on.

    Attributes:
        text: One sentence or two: another microphone is used, the user's words are not.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Paused:
    """What is said is left out from now on, or is heard again.

    Attributes:
        is_paused: Which of them.
    """

    is_paused: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """The recording is over; what it says may still have to be worked out.

    Attributes:
        duration_s: Its length, all texts together.
    """

    duration_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A text is complete.

    Attributes:
        text: With the user's words and digits; empty if nobody spoke.
        replacements: What the user's words changed; places are those in `heard`.
        entry: The recording in the history.
        heard: The text as the model heard it.
        interruption: What ended the recording early: the microphone is gone, or the disk full.
    """

    text: str
    replacements: tuple[Replacement, ...]
    entry: Entry
    heard: str
    interruption: GPAError | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no text.

    Attributes:
        error: What is wrong and what to do.
        entry: The recording in the history; None if there is none.
    """

    error: GPAError
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """There is no text because nobody wants it.

    Attributes:
        entry: The recording, which is kept; None if there is none.
    """

    entry: Entry | None


Event: TypeAlias = Listening | Level | Partial | NoInput | Notice | Paused | Stopped | Finished | Failed | Cancelled
