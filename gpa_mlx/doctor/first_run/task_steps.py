"""Every task as people start it: commands as processes, with the demo model and its recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpa_mlx.doctor.first_run.processes import last_words
from gpa_mlx.model.demo import NAME, SENTENCE, demo_samples, demo_voices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.doctor.first_run.processes import Ended
    from gpa_mlx.doctor.first_run.step import Notes, Surroundings

_DEADLINE_S = 180.0
_MOST_HANGS = 2
"""After so many commands that did not end the others are not tried: an hour would pass."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A command.

    Attributes:
        arguments: After the program's name.
        code: Its exit code, if all is well.
        says: What it writes to standard output, if that is known.
        keep: The file, in the folder of the step, that its standard output is kept in; empty for none.
    """

    arguments: tuple[str, ...]
    code: int = 0
    says: str | None = None
    keep: str = ""


def trials() -> tuple[Trial, ...]:
    """Return what is tried, in this order: some use files of those before them.

    Raises:
        ModelNotFoundError: This installation has no demo model.
        ModelFormatError: Its recordings are damaged.
        VoiceError: A voice of it is damaged.
    """
    first, second = demo_samples()[:2]
    voice, other = (demo_voices()[index].name for index in (0, -1))
    model = ("--model", NAME)
    return (
        Trial(("--version",)),
        Trial(("--help",)),
        Trial(("model", "info", NAME, "--json")),
        Trial(("model", "verify", NAME)),
        Trial(("transcribe", str(first.file), *model), says=first.text),
        Trial(("transcribe", str(first.file), str(second.file), "-f", "srt,json", "-o", "transcripts", *model)),
        Trial(("tokenize", str(first.file), "--json", *model), keep="tokens.json"),
        Trial(("detokenize", "tokens.json", "-o", "decoded.wav", *model)),
        Trial(("speak", SENTENCE, "--voice", voice, "-o", "spoken.wav", "--seed", "1", *model)),
        Trial(("vc", str(first.file), "--voice", other, "-o", "converted.wav", "--seed", "1", *model)),
        Trial(("verify", "spoken.wav", "converted.wav")),
        Trial(("voices", "add", "visitor", str(second.file), "--i-have-rights", *model)),
        Trial(("speak", "yes no", "--voice", "visitor", "-o", "visitor.flac", "--seed", "1", *model)),
        Trial(("voices", "export", "visitor", "-o", "visitor.voice")),
        Trial(("voices", "remove", "visitor")),
        Trial(("voices", "list", "--json")),
        Trial(("settings", "--json")),
        Trial(("history", "list")),
        Trial(("demo", "--out", "demo", "--json")),
        Trial(("transcribe", "missing.wav", *model), code=4),
        Trial(("transcribe", str(first.file), "--model", "missing"), code=3),
        Trial(("transcribe", "--no-such-option"), code=2),
    )


def try_commands(surroundings: Surroundings, notes: Notes, commands: Sequence[Trial] | None = None) -> None:
    """Run commands and compare their exit codes, and what they say, with what is expected.

    Args:
        surroundings: What to work with.
        notes: Get one row per command.
        commands: What to run; None runs `trials`.
    """
    rows = notes.facts["commands"] = []
    hangs = 0
    commands = trials() if commands is None else commands
    for number, trial in enumerate(commands, start=1):
        words = " ".join(_short(word) for word in trial.arguments)
        if hangs == _MOST_HANGS:
            notes.problems.append(f"`{words}` and what follows was not tried: {hangs} commands did not end.")
            break
        surroundings.show(f"command {number} of {len(commands)}: gpa-mlx {words}")
        ended = surroundings.processes.program(*trial.arguments, deadline_s=_DEADLINE_S)
        hangs += ended.code is None
        if trial.keep:
            (surroundings.folder / trial.keep).write_text(ended.out, encoding="utf-8")
        rows.append(_row(words, trial, ended))
        if (problem := _problem(trial, ended)) is not None:
            notes.problems.append(f"`gpa-mlx {words}` {problem}{last_words(ended)}.")
        notes.summary = f"{sum(row['ok'] for row in rows)} of {len(commands)} commands as expected"


def _row(words: str, trial: Trial, ended: Ended) -> dict[str, Any]:
    ok = _problem(trial, ended) is None
    row: dict[str, Any] = {"command": words, "code": ended.code, "ok": ok, "seconds": round(ended.seconds, 2)}
    if trial.says is not None:
        row["said"] = ended.out.strip()
    if not ok or "Traceback" in ended.err:
        row["error"] = ended.err.splitlines()[-40:]
    return row


def _problem(trial: Trial, ended: Ended) -> str | None:
    if ended.code != trial.code:
        return f"{ended.fate} instead of {trial.code}" if ended.code is not None else ended.fate
    if "Traceback" in ended.err:
        return "showed a traceback"
    if trial.says is not None and ended.out.strip() != trial.says:
        return f"said '{ended.out.strip()}' instead of '{trial.says}'"
    return None


def _short(word: str) -> str:
    """Return the name of a file for its path."""
    return word.rpartition("/")[2] if "/" in word else word
