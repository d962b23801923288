#!/usr/bin/env python3
"""Write the texts that `gpa-mlx --help` answers with: `python tests/support/help_texts.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from gpa_mlx.cli.commands import cli  # noqa: E402
from gpa_mlx.cli.diagnostics import PROGRAM  # noqa: E402
from gpa_mlx.cli.ready_help import USUAL_COLUMNS, WIDEST_COLUMNS, help_file  # noqa: E402


def help_text(columns: int) -> str:
    """Return what click writes on a terminal of so many columns."""
    context = cli.make_context(PROGRAM, [], resilient_parsing=True)
    context.terminal_width = max(min(columns, WIDEST_COLUMNS) - 2, 50)
    return cli.get_help(context) + "\n"


if __name__ == "__main__":
    for columns in (USUAL_COLUMNS, WIDEST_COLUMNS):
        file = Path(help_file(columns))
        file.parent.mkdir(exist_ok=True)
        file.write_text(help_text(columns), encoding="utf-8")
