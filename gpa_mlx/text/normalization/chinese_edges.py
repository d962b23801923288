"""Where Latin words and numbers begin and end in Chinese text.

`rules.LEFT` and `rules.RIGHT` say the same for all scripts, but take 3 ms to compile in each of a hundred patterns.
"""

from __future__ import annotations

_LATIN = "0-9A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089"

LEFT = rf"(?<![{_LATIN}])"
"""A Latin word or a number may begin here."""

RIGHT = rf"(?![{_LATIN}])"
"""A Latin word or a number may end here."""

CLEAR = rf"{LEFT}(?<![0-9][.,:/])"
"""A number may begin here: no part of a longer word or number."""
