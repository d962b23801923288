"""Voice files as JSON, and the consent that whoever makes a voice states."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice

if TYPE_CHECKING:
    from pathlib import Path

CONSENT_QUESTION = "Is this your own voice, or has its owner agreed to this use?"
"""What whoever makes a voice is asked once."""

CONSENT = "The person who made this voice stated that they have the right to use it."
"""What the voice says when the answer was yes."""


def read_voice(path: Path) -> Voice:
    """Read a voice file.

    Raises:
        VoiceError: It cannot be read, or is not a voice.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoiceError(f"The voice {path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise VoiceError(
            f"{path} is not a voice: it is not JSON.", hint="Make the voice again from a recording."
        ) from error
    return Voice.from_dict(content, str(path))
