"""One thing that was found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "note", "warning", "missing"]
"""`note`: good to know. `warning`: something will not work. `missing`: nothing works without it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out.

    Attributes:
        area: What it is about, in one word.
        status: How bad it is.
        what: The fact, in one sentence.
        fix: The command, or the pane of the system settings, that changes it; empty only where nothing need change.
    """

    area: str
    status: Status
    what: str
    fix: str = ""
