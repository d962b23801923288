"""Log lines for people: what the library notes on standard error, with and without `-v`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gpa_mlx.text.printable import printable, printable_line

if TYPE_CHECKING:
    from gpa_mlx.cli.diagnostics import Diagnostics


class HarmlessFormatter(logging.Formatter):
    """Spells out what a terminal would obey: messages name files, and repeat what decoders and hubs say."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the message, on one line."""
        return printable_line(super().formatMessage(record))

    def formatException(self, ei) -> str:  # noqa: ANN001, N802 - the type is private to logging's stubs
        """Return a traceback, which repeats names."""
        return printable(super().formatException(ei))


def show_log_lines(diagnostics: Diagnostics, verbosity: int) -> None:
    """Write log lines to standard error: warnings, with 1 what happens, with 2 or more all."""
    if not verbosity:
        if logging.lastResort is not None:
            logging.lastResort.setFormatter(HarmlessFormatter())
        return
    from rich.logging import RichHandler

    handler = RichHandler(console=diagnostics.console, show_path=False)
    handler.setFormatter(HarmlessFormatter())
    logging.basicConfig(handlers=[handler])
    level = logging.INFO if verbosity == 1 else logging.DEBUG
    for package in ("gpa_mlx", "gpa_mlx_convert"):
        logging.getLogger(package).setLevel(level)
