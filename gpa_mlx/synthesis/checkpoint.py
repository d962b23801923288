"""Checkpoint of a long-form synthesis: what an interrupted run had finished, kept beside its output.

Two hidden files stand beside the output. The journal has what the run follows from, its seed, and one line for every
finished passage, with the digest of its samples: what is in the output by then may be anything. The second one is there
only when the text was changed in between; it holds passages, as bare samples, that the changed text may still have
further on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gpa_mlx.audio.files.incremental_wav import StoredSamples
from gpa_mlx.errors import AudioFileError
from gpa_mlx.store.files import read_limited, real_target, write_atomically
from gpa_mlx.synthesis.long_form import RecalledSpeech, SpokenPassage, end_with_pause
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings
    from gpa_mlx.types import GenerationOptions, Voice

RunFacts: TypeAlias = Mapping[str, str]
"""What two runs must have in common for one to go on with the other's passages: digests by what they are of."""

_FORMAT_VERSION = 2
_MAX_JOURNAL_BYTES = 64 * 2**20
"""A day of speech has some 20,000 passages; who can write beside the output can put anything there."""
_SEED = "the seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassage:
    """A finished passage and where its sound is.

    Attributes:
        passage: How it came out.
        samples: How many it has, with the pause after it.
        sha256: Of their bytes.
        reference_level: What its loudness was matched to.
        kept_at: Its first sample in the file of kept passages; None where it is in the output.
    """

    passage: SpokenPassage
    samples: int
    sha256: str
    reference_level: float
    kept_at: int | None = None

    @property
    def speech_samples(self) -> int:
        """How many samples it has without the pause."""
        return round((self.passage.end_s - self.passage.start_s) * SAMPLE_RATE_HZ)


class _Found(NamedTuple):
    """A passage whose samples are in the output, from the sample `place` on."""

    place: int
    entry: StoredPassage


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What of an interrupted run is used again.

    Attributes:
        done: The first passages of the plan, which stay in the output as they are.
        samples: How many samples they have there.
        kept: How many passages more are there that a later part of the text may have.
        problem: Why not everything is used again, as a clause; None when all is.
        is_ours: Whether samples of the interrupted run are in the output; None where there was no such run.
    """

    done: tuple[SpokenPassage, ...] = ()
    samples: int = 0
    kept: int = 0
    problem: str | None = None
    is_ours: bool | None = None


def run_facts(
    voice: Voice, options: GenerationOptions, settings: SynthesisSettings, model: str, version: str
) -> RunFacts:
    """Return what the sound of a passage follows from beside its words and the seed.

    Args:
        voice: Who speaks.
        options: Sampling.
        settings: How to synthesize.
        model: Names the model's exact weights.
        version: Of this program.
    """
    sampling = {name: value for name, value in asdict(options).items() if name != "seed"}
    facts = {
        "the voice": list(voice.global_tokens),
        "the model": model,
        "the sampling": sampling,
        "how passages are checked": [settings.retries, settings.verify],
        "the release of gpa-mlx": version,
    }
    return {name: hashlib.sha256(json.dumps(fact).encode()).hexdigest() for name, fact in facts.items()}


class SynthesisCheckpoint:
    """What an interrupted run left, and what this one leaves if it is interrupted.

    A line is on the disk when `add` returns. A last line that was torn by a crash is ignored.

    Args:
        output: The file that the user asked for; the hidden ones stand beside it.
        store: The WAV file that grows: the output itself, or one that will be encoded.
        subtype: Its sample format.
        facts: See `run_facts`.
        seed: The one the user gave; None goes on with that of the interrupted run.

    Attributes:
        seed: The one to go on with.
    """

    def __init__(self, output: Path, store: Path, subtype: str, facts: RunFacts, seed: int | None) -> None:
        self._output = output
        self.path = _journal_of(output)
        self._kept_path = _kept_of(output)
        self._store = store
        self._subtype = subtype
        self._facts = facts
        self.seed = seed
        self._pool: defaultdict[str, deque[StoredPassage]] = defaultdict(deque)

    def resume(self, plan: SpeechPlan) -> Continuation:
        """Find out what of an interrupted run can be used for a plan; the digests of its samples decide.

        The output then has nothing but the passages that are done when it is cut after `Continuation.samples`: what
        else is worth it is kept aside first.

        Raises:
            AudioFileError: What is kept aside cannot be written.
        """
        journal = self._read()
        if journal is None:
            return Continuation()
        header, stored = journal
        if not stored:
            return Continuation()
        whole, problem = self._whole(stored)
        if changed := self._changed(header):
            self._pool.clear()
            return Continuation(problem=f"{_listed(changed)} changed", is_ours=bool(whole))
        self.seed = int(header["seed"])
        done = self._first_of(plan, whole)
        rest = whole[len(done) :]
        if rest:
            self._keep_aside(rest)
        problem = problem or ("the text has changed" if rest else None)
        if problem:
            kept = [entry for entries in self._pool.values() for entry in entries]
            self._write("".join([_line_of(self._header(self.seed)), *map(_entry_line, kept), *map(_entry_line, done)]))
        return Continuation(
            done=tuple(entry.passage for entry in done),
            samples=sum(entry.samples for entry in done),
            kept=sum(map(len, self._pool.values())),
            problem=problem,
            is_ours=bool(whole),
        )

    def start(self, seed: int) -> None:
        """Begin from the first passage; what is kept aside stays."""
        self.seed = seed
        kept = [entry for entries in self._pool.values() for entry in entries]
        if not kept:
            self._kept_path.unlink(missing_ok=True)
        self._write("".join([_line_of(self._header(seed)), *map(_entry_line, kept)]))

    def add(self, entry: StoredPassage) -> None:
        """Note a finished passage; its samples must be in the output already."""
        try:
            with real_target(self.path).open("a", encoding="utf-8") as file:
                file.write(_entry_line(entry))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def recall(self, spoken: str) -> RecalledSpeech | None:
        """Return a passage with these words that was kept aside; each is given once."""
        entries = self._pool.get(spoken)
        if not entries:
            return None
        entry = entries.popleft()
        try:
            with StoredSamples(self._kept_path, self._subtype) as kept:
                assert entry.kept_at is not None, "it was kept aside"
                if kept.digest(entry.kept_at, entry.samples) != entry.sha256:
                    return None
                audio = kept.read(entry.kept_at, entry.speech_samples)
        except AudioFileError:
            return None
        return RecalledSpeech(audio=audio, passage=entry.passage, reference_level=entry.reference_level)

    def close(self) -> None:
        """All is complete: remove the hidden files."""
        self.path.unlink(missing_ok=True)
        self._kept_path.unlink(missing_ok=True)

    def _changed(self, header: Mapping[str, Any]) -> list[str]:
        """Return what differs from the interrupted run, by name."""
        facts = header["facts"]
        changed = [name for name, digest in self._facts.items() if facts.get(name) != digest]
        if header["subtype"] != self._subtype:
            changed.append("the sample format")
        if self.seed not in (None, header["seed"]):
            changed.append(_SEED)
        return changed

    def _whole(self, stored: list[StoredPassage]) -> tuple[list[_Found], str | None]:
        """Return the passages whose samples are still in the output, and what is wrong with the others.

        The passages kept aside earlier go into the pool unchecked: each is checked when it is recalled.
        """
        written: list[StoredPassage] = []
        for entry in stored:
            if entry.kept_at is None:
                written.append(entry)
            else:
                self._pool[entry.passage.spoken].append(entry)
        name = self._store.name
        if not self._store.exists():
            is_gone = any(entry.samples for entry in written)
            return [], f"{name} is not there any more" if is_gone else None
        whole: list[_Found] = []
        position = 0
        try:
            with StoredSamples(self._store) as output:
                is_ours = (output.sample_rate, output.subtype) == (SAMPLE_RATE_HZ, self._subtype)
                for entry in written if is_ours else ():
                    if output.digest(position, entry.samples) == entry.sha256:
                        whole.append(_Found(position, entry))
                    position += entry.samples
        except AudioFileError:
            whole = []
        if len(whole) == len(written):
            return whole, None
        return whole, f"{name} was {'altered' if whole else 'replaced'} meanwhile"

    def _first_of(self, plan: SpeechPlan, found: list[_Found]) -> list[StoredPassage]:
        """Return the passages that are the first ones of the plan, too, with their texts as they are now written."""
        done: list[StoredPassage] = []
        position = 0
        for number, (place, entry) in enumerate(found):
            planned, passage = plan.get(number), entry.passage
            if place != position or planned is None or planned.spoken != passage.spoken:
                break
            start = round(passage.start_s * SAMPLE_RATE_HZ)
            if end_with_pause(plan, number, passage.start_s, passage.end_s) - start != entry.samples:
                break
            done.append(replace(entry, passage=replace(passage, text=planned.passage.text)))
            position += entry.samples
        return done

    def _keep_aside(self, found: list[_Found]) -> None:
        """Copy the samples of passages out of the output."""
        try:
            if not self._kept_path.exists():
                write_atomically(self._kept_path, b"", like=self._output)
            with StoredSamples(self._store) as output, real_target(self._kept_path).open("ab") as file:
                width = output.sample_bytes
                # A piece of a sample that a crash left would shift all that follow.
                end = file.seek(0, os.SEEK_END) // width
                file.truncate(end * width)
                file.seek(0, os.SEEK_END)
                for place, entry in found:
                    for block in output.blocks(place, entry.samples):
                        file.write(block)
                    self._pool[entry.passage.spoken].append(replace(entry, kept_at=end))
                    end += entry.samples
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self._kept_path, error) from error

    def _header(self, seed: int) -> dict[str, Any]:
        return {"version": _FORMAT_VERSION, "facts": dict(self._facts), "subtype": self._subtype, "seed": seed}

    def _write(self, content: str) -> None:
        try:
            write_atomically(self.path, content, like=self._output)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _read(self) -> tuple[dict[str, Any], list[StoredPassage]] | None:
        try:
            whole, _, torn = read_limited(self.path, _MAX_JOURNAL_BYTES).rpartition(b"\n")
            header, *entries = [json.loads(line) for line in whole.split(b"\n")]
            if header["version"] != _FORMAT_VERSION or not isinstance(header["facts"], dict):
                return None
            if not isinstance(header["seed"], int) or not isinstance(header["subtype"], str):
                return None
            stored = [StoredPassage(**{**entry, "passage": SpokenPassage(**entry["passage"])}) for entry in entries]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        if torn:
            self._write(whole.decode() + "\n")
        return header, stored


def forget_checkpoint(output: Path) -> None:
    """Remove what an interrupted run left beside a file that is being replaced."""
    _journal_of(output).unlink(missing_ok=True)
    _kept_of(output).unlink(missing_ok=True)


def has_checkpoint(output: Path) -> bool:
    """Return whether an interrupted run left something beside a file."""
    return _journal_of(output).is_file()


def _journal_of(output: Path) -> Path:
    return output.with_name(f".{output.name}.narration")


def _kept_of(output: Path) -> Path:
    return output.with_name(f".{output.name}.narration-kept")


def _line_of(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"


def _entry_line(entry: StoredPassage) -> str:
    return _line_of(asdict(entry))


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} has"
    return f"{', '.join(names[:-1])} and {names[-1]} have"


def _unwritable(path: Path, error: OSError) -> AudioFileError:
    return AudioFileError(
        f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
    )
