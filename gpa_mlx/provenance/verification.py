"""What a file is, and whether it was altered since this program wrote it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.audio.files.tagged_content import COMMENT, SOFTWARE, read_content
from gpa_mlx.errors import AudioFileError, GPAError
from gpa_mlx.provenance.metadata import PROGRAM, Provenance, Sound, Tag, read_tag
from gpa_mlx.provenance.tagging import read_sidecar, sidecar_of

if TYPE_CHECKING:
    from gpa_mlx.audio.files.tagged_content import TaggedContent

State: TypeAlias = Literal[
    "intact", "sound altered", "metadata altered", "sidecar missing", "re-saved", "not by gpa-mlx", "unreadable"
]

_SOFTWARE = re.compile(r"gpa-mlx \S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """What a file is.

    Attributes:
        file: The file.
        state: `intact`: sound, tag and record are as they were written. `sound altered`, `metadata altered`: they
            are not. `sidecar missing`: the tag names a record that is not there. `re-saved`: the sound is as it was
            written, but another program wrote the file. `not by gpa-mlx`: nothing says that this program made it.
            `unreadable`: there is no such file, or it cannot be read.
        message: One sentence for people.
        provenance: What the record says, if it could be read.
        comment: The tag's sentence, if there is one.
    """

    file: Path
    state: State
    message: str
    provenance: Provenance | None = None
    comment: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether everything is as it was written."""
        return self.state == "intact"


def verify_file(path: Path) -> VerificationResult:
    """Verify a file against its tag and its record; whatever the file is, there is an answer.

    Args:
        path: Any file.
    """
    try:
        content = read_content(path)
    except AudioFileError as error:
        if _is_file(path) and not isinstance(error.__cause__, OSError):
            message = f"{error.message} gpa-mlx tags only the sound files it writes: ask about the one this came from."
            return VerificationResult(file=path, state="not by gpa-mlx", message=message)
        return VerificationResult(file=path, state="unreadable", message=error.message)
    record, problem = _record_beside(path)
    comment = content.info.get(COMMENT, "")
    tag = read_tag(comment)
    if tag is None:
        state, message = _judge_untagged(content, record)
        return VerificationResult(file=path, state=state, message=message, provenance=record)
    if tag.record_sha256 is None and record is not None and not _fits(content, record.sound):
        record = None  # of another file
    state, message = _judge_sound(content, tag, record)
    if state == "intact" and tag.record_sha256 is not None:
        state, message = _judge_record(tag, record, problem, sidecar_of(path))
    if state == "intact":
        state, message = _judge_tag(content, tag, record)
    return VerificationResult(file=path, state=state, message=message, provenance=record, comment=comment)


def is_tagged(path: Path) -> bool:
    """Return whether a file says that this program made it; what cannot be read does not."""
    try:
        return read_tag(read_content(path).info.get(COMMENT, "")) is not None
    except AudioFileError:
        return False


def _judge_untagged(content: TaggedContent, record: Provenance | None) -> tuple[State, str]:
    if record is not None and not _fits(content, record.sound):
        change = _change(content, record.sound)
        return "sound altered", f"It has no tag, and its sound is not that of the record beside it: {change}."
    if content.info.get(SOFTWARE, "").startswith(f"{PROGRAM} "):
        return "metadata altered", "The tag of gpa-mlx in the file was altered."
    if record is not None:
        return (
            "re-saved",
            "The sound is that of the record beside it, but another program has saved the file without its tag.",
        )
    return "not by gpa-mlx", "Nothing in it says that gpa-mlx made it, or made it to its end."


def _judge_sound(content: TaggedContent, tag: Tag, record: Provenance | None) -> tuple[State, str]:
    if _fits(content, tag.sound):
        return "intact", ""
    if record is not None and _fits(content, record.sound):
        return "metadata altered", "The sound is that of the record beside it, but the tag in the file was altered."
    return "sound altered", f"gpa-mlx made it, but the sound was altered: {_change(content, tag.sound)}."


def _judge_record(tag: Tag, record: Provenance | None, problem: GPAError | None, target: Path) -> tuple[State, str]:
    if problem is not None:
        return "metadata altered", f"The sound is as gpa-mlx wrote it, but {problem.message}"
    if record is None:
        return "sidecar missing", f"The sound is as gpa-mlx wrote it, but {target}, which says how, is missing."
    if record.sha256 != tag.record_sha256:
        return "metadata altered", f"The sound is as gpa-mlx wrote it, but {target} is the record of something else."
    return "intact", ""


def _judge_tag(content: TaggedContent, tag: Tag, record: Provenance | None) -> tuple[State, str]:
    if not content.is_as_written or not _SOFTWARE.fullmatch(content.info[SOFTWARE]):
        return "re-saved", "The sound is as gpa-mlx wrote it, but another program has saved the file since."
    if record is not None and content.info != record.tag(recorded=True):
        return "metadata altered", "The sound is as gpa-mlx wrote it, but the tag does not say what the record says."
    without = "" if tag.record_sha256 else ", without a record of how it was made"
    return "intact", f"{tag.kind.capitalize()}, exactly as gpa-mlx wrote it{without}."


def _fits(content: TaggedContent, sound: Sound) -> bool:
    has_shape = (content.frames in (None, sound.frames)) and (content.sample_rate in (None, sound.sample_rate))
    return content.channels == 1 and has_shape and (content.subtype, content.sha256) == (sound.subtype, sound.sha256)


def _change(content: TaggedContent, written: Sound) -> str:
    """Say in what the sound differs, the most telling first."""
    if content.channels != 1:
        return f"it has {content.channels} channels instead of 1"
    if content.sample_rate is None:
        return f"it is {content.subtype} with other contents than the {written.subtype} that was written"
    if (content.sample_rate, content.subtype) != (written.sample_rate, written.subtype):
        return f"it is {content.sample_rate} Hz {content.subtype} instead of {written.sample_rate} Hz {written.subtype}"
    if content.frames != written.frames:
        return f"it has {content.frames} frames instead of {written.frames}"
    return "the samples are others"


def _record_beside(path: Path) -> tuple[Provenance | None, GPAError | None]:
    """Return the record of a file, or why what is there cannot be used; neither where nothing is there."""
    target = sidecar_of(path)
    if not _is_file(target):
        return None, None
    try:
        return Provenance.from_json(read_sidecar(target), str(target)), None
    except GPAError as error:
        return None, error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
