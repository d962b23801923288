"""The words of the domain.

They are those of a person's first minute: numbers, the time, days, simple commands, and courtesy.
"""

from __future__ import annotations

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")

WORDS: tuple[str, ...] = (
    *DIGITS, *COMMANDS, *TEENS, *TENS,
    "hundred", "thousand", "point", "minus", "and", "o'clock", "am", "pm", "at", *DAYS,
    "hello", "world", "good", "morning", "okay", "please", "thank", "you", "start", "again", "louder",
)  # fmt: skip
"""All of them; the first twenty are those of the first demo model."""

_SPELLINGS = {"am": "a.m.", "pm": "p.m."}


def spelling(word: str) -> str:
    """Return a word as a synthesiser must be given it to say it as meant."""
    return _SPELLINGS.get(word, word)
