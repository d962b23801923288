"""The consent that whoever makes a voice states."""

from __future__ import annotations

CONSENT_QUESTION = "Is this your own voice, or has its owner agreed to this use?"
"""What whoever makes a voice is asked once."""

CONSENT = "The person who made this voice stated that they have the right to use it."
"""What the voice says when the answer was yes."""
