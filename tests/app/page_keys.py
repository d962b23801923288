"""Writes the table of keys into the page about the app: `python tests/app/page_keys.py`."""

from __future__ import annotations

import re
from pathlib import Path

from gpa_mlx_tui.bindings import APP, keys_of, shown_key
from gpa_mlx_tui.modes import MODES

PAGE = Path(__file__).parents[2] / "docs/how-to/app.md"
_BLOCK = re.compile(r"(<!-- keys -->\n).*?(<!-- /keys -->)", re.DOTALL)


def key_table() -> str:
    """Return the table in Markdown, one row per mode."""
    rows = ["| where | keys |", "|---|---|"]
    for mode, title in [(APP, "everywhere"), *((mode.id, mode.title) for mode in MODES)]:
        if keys := [f"`{shown_key(row.key, platform='linux')}` {row.label}" for row in keys_of(mode)]:
            rows.append(f"| {title} | {', '.join(keys)} |")
    return "\n".join(rows) + "\n"


def with_keys(text: str) -> str:
    """Return the text of the page with the table as it should be."""
    return _BLOCK.sub(lambda found: found[1] + key_table() + found[2], text)


if __name__ == "__main__":
    PAGE.write_text(with_keys(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
