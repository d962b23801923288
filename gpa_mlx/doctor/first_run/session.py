"""All steps of the first run, one after the other, and their report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpa_mlx.doctor.first_run.app_step import try_app
from gpa_mlx.doctor.first_run.computer_steps import consult_doctor, examine_backend, examine_versions
from gpa_mlx.doctor.first_run.model_steps import compare_with_release, measure_speed, store_copies, watch_memory
from gpa_mlx.doctor.first_run.person_steps import try_clipboard, try_loudspeaker, try_microphone
from gpa_mlx.doctor.first_run.privacy import Scrubber
from gpa_mlx.doctor.first_run.processes import Processes
from gpa_mlx.doctor.first_run.step import Notes, Person, Status, Step, StepResult, StepSkippedError, Surroundings
from gpa_mlx.doctor.first_run.task_steps import try_commands
from gpa_mlx.doctor.host import Host
from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.text_output import write_text
from gpa_mlx.text.printable import to_json
from gpa_mlx.version import __version__

STEPS = (
    Step("versions", "looking at versions", examine_versions),
    Step("backend", "loading MLX", examine_backend),
    Step("doctor", "asking the doctor", consult_doctor),
    Step("commands", "trying the commands", try_commands),
    Step("app", "starting the app", try_app),
    Step("precisions", "storing the demo model in several precisions", store_copies),
    Step("parity", "comparing results", compare_with_release),
    Step("memory", "watching memory", watch_memory),
    Step("speed", "measuring speed", measure_speed),
    Step("microphone", "listening", try_microphone, asks=True),
    Step("loudspeaker", "speaking", try_loudspeaker, asks=True),
    Step("clipboard", "copying", try_clipboard, asks=True),
)
"""In this order: from what everything else needs to what needs a person."""

_NEEDS_COPIES = ("parity", "memory", "speed")
FORMAT_VERSION = 1


def choose_steps(names: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps of these names, and what they need; all of them for no name.

    Raises:
        SettingsError: There is no such step.
    """
    known = [step.name for step in STEPS]
    for name in names:
        if name not in known:
            raise SettingsError(f"There is no step '{name}'.", hint=f"The steps are {', '.join(known)}.")
    wanted = {*names, *(["precisions"] if set(names) & set(_NEEDS_COPIES) else [])}
    return tuple(step for step in STEPS if not names or step.name in wanted)


class FirstRun:
    """Does steps and keeps a report of them, written anew after each.

    Args:
        steps: What to do.
        report: The file of the report.
        folder: For the steps' files.
        host: The computer.
        person: Whom to ask; None when nobody is there.
        scrubber: Takes private words out of what is reported.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        report: Path,
        *,
        folder: Path,
        host: Host,
        person: Person | None,
        scrubber: Scrubber,
    ) -> None:
        self.steps = tuple(steps)
        self._report = report
        self._folder = folder
        self._host = host
        self._person = person
        self._scrubber = scrubber
        self._processes = Processes(folder, host.environ)
        self._started = datetime.now(UTC)
        self._results: dict[str, StepResult] = {}

    @property
    def results(self) -> tuple[StepResult, ...]:
        """What became of every step, those that were not reached included."""
        return tuple(
            self._results.get(step.name) or StepResult(name=step.name, status="skipped", reason="not reached")
            for step in self.steps
        )

    @property
    def is_begun(self) -> bool:
        """Whether there is something in the report."""
        return bool(self._results)

    @property
    def has_failed(self) -> bool:
        """Whether a step has failed."""
        return any(result.status == "failed" for result in self._results.values())

    def perform(self, step: Step, show: Callable[[str], None]) -> StepResult:
        """Do a step and write the report; nothing but an interrupt comes out of a step.

        Args:
            step: One of `steps`.
            show: Is told what happens next.

        Raises:
            GPAError: The report cannot be written.
            KeyboardInterrupt: As the step was interrupted; what it had found is in the report.
        """
        notes, started = Notes(), time.monotonic()
        surroundings = Surroundings(
            folder=self._folder, host=self._host, processes=self._processes, person=self._person, show=show
        )
        outcome: tuple[Status, str] = "skipped", "interrupted"
        try:
            outcome = _perform(step, surroundings, notes)
        finally:
            status, reason = outcome
            result = StepResult(
                name=step.name,
                status=status,
                reason=self._scrubber.text(reason),
                summary=self._scrubber.text(notes.summary),
                seconds=round(time.monotonic() - started, 2),
                facts=self._scrubber.document(notes.facts),
            )
            self._results[step.name] = result
            self.write()
        return result

    def write(self) -> None:
        """Write the report.

        Raises:
            GPAError: Nothing can be written there.
        """
        write_text(self._report, f"{to_json(self.document(), indent=1)}\n")

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        results = self.results
        statuses: Sequence[Status] = [result.status for result in results]
        counts: Mapping[Status, int] = {status: statuses.count(status) for status in ("passed", "failed", "skipped")}
        document = {
            "report": "gpa-mlx first run",
            "format_version": FORMAT_VERSION,
            "version": __version__,
            "started": self._started.isoformat(timespec="seconds"),
            "ok": not self.has_failed,
            "counts": counts,
            "steps": [asdict(result) for result in results],
        }
        # What a step found may hold numbers that JSON has no names for.
        return json.loads(json.dumps(document), parse_constant=str)


def _perform(step: Step, surroundings: Surroundings, notes: Notes) -> tuple[Status, str]:
    """Do a step; return its status and the reason."""
    try:
        step.perform(surroundings, notes)
    except StepSkippedError as reason:
        return "skipped", str(reason)
    except GPAError as error:
        notes.problems.append(f"{error.message} {error.hint}".strip())
    except Exception as error:  # noqa: BLE001 - the others go on, whatever happened to this one
        notes.problems.append(f"Unexpected {type(error).__name__}: {error}")
    return ("failed", " ".join(notes.problems)) if notes.problems else ("passed", "")
