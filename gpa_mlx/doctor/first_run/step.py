"""One step of the first run, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from gpa_mlx.doctor.first_run.processes import Processes
from gpa_mlx.doctor.host import Host

Status: TypeAlias = Literal["passed", "failed", "skipped"]


class StepSkippedError(Exception):
    """A step cannot be done here; its text says why."""


class Person(Protocol):
    """Who sits at the computer."""

    def agrees(self, question: str) -> bool:
        """Ask something that is answered by yes or no."""
        ...


@dataclass(slots=True)
class Notes:
    """What a step writes down while it works: if it is broken off, this is still there.

    Attributes:
        facts: For the report; JSON.
        problems: Why the step failed, a sentence each; empty if it passed.
        summary: What it found, in a few words.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What steps work with.

    Attributes:
        folder: For their files, which nobody needs later.
        host: The computer.
        processes: Run the program.
        person: Whom to ask; None when nobody is there.
        show: Is told what happens next.
    """

    folder: Path
    host: Host
    processes: Processes
    person: Person | None
    show: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to try.

    Attributes:
        name: One word.
        title: For people, while it goes on.
        perform: Does it and writes down what it finds. `StepSkippedError`: it cannot be done. Whatever else it raises
            is a failure.
        asks: Whether a person is needed, whom it asks.
    """

    name: str
    title: str
    perform: Callable[[Surroundings, Notes], None]
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What became of a step.

    Attributes:
        name: Of the step.
        status: `passed`, `failed` or `skipped`.
        reason: Why it failed or was skipped; empty if it passed.
        summary: What it found, in a few words.
        seconds: How long it took.
        facts: What it found; JSON.
    """

    name: str
    status: Status
    reason: str = ""
    summary: str = ""
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
