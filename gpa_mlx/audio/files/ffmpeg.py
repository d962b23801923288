"""Formats that libsndfile does not read, decoded by a program of the system: `afconvert` (macOS) or `ffmpeg`."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from io import FileIO

logger = logging.getLogger(__name__)

_NAMES = "m4a m4b m4r m4v mp4 mov qta 3gp 3g2 aac webm mkv mka avi wma wmv asf amr awb flv ac3 ape wv mpg mpeg"
FFMPEG_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Names of files that one of the programs may be able to decode."""

_TIMEOUT_S = 3600.0
_MAX_COMPLAINT = 200

# Containers of sound only: a playlist, which ffmpeg would follow to other files, is none of them.
_FFMPEG_DEMUXERS = "mov,aac,matroska,avi,asf,amr,amrnb,amrwb,flv,live_flv,ac3,eac3,ape,wv,mpeg,mpegts,mp3,wav,w64,caf"


def _afconvert(program: str, source: str, target: str) -> list[str]:
    return [program, "-f", "caff", "-d", "LEI16", source, target]


def _ffmpeg(program: str, source: str, target: str) -> list[str]:
    return [
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", _FFMPEG_DEMUXERS, "-i", f"file:{source}"),
        *("-map", "0:a:0", "-c:a", "pcm_s16le", "-map_metadata", "-1", "-rf64", "auto", "-f", "wav", f"file:{target}"),
    ]


_PROGRAMS: dict[str, Callable[[str, str, str], list[str]]] = {"afconvert": _afconvert, "ffmpeg": _ffmpeg}
"""In the order in which they are tried: how to decode the first sound track, all channels at their own rate."""


def may_need_ffmpeg(name: str, descriptor: int) -> bool:
    """Return whether a file that libsndfile refused is of a kind that another program may decode.

    Args:
        name: Its name.
        descriptor: The open file.
    """
    head = os.pread(descriptor, 12, 0) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    return (
        Path(name).suffix.lower() in FFMPEG_SUFFIXES
        or head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide")  # MP4, QuickTime
        or head.startswith((b"\x1aE\xdf\xa3", b"0&\xb2u", b"#!AMR", b"FLV\1"))  # Matroska, Windows Media, AMR, Flash
        or (head[:1] == b"\xff" and head[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"))  # AAC in ADTS frames
    )


def decode(path: str | os.PathLike[str]) -> FileIO:
    """Decode a file to 16-bit samples.

    Nothing is left behind: the decoded file has lost its name when this returns, and ends when it is closed.

    Args:
        path: The file, opened by its name; never by a shell, and over no network.

    Returns:
        A sound file that libsndfile reads, open for reading; the caller closes it.

    Raises:
        AudioFileError: Not a regular file, no program is installed, or none can decode it.
    """
    name = os.fspath(path)
    source = os.path.abspath(name)  # noqa: PTH100 - an option or a protocol cannot begin with a slash
    if not Path(source).is_file():
        raise AudioFileError(
            f"{name} is in a format that can only be read from a file.", hint="Save it to a file first."
        )
    installed = [(program, found) for program in _PROGRAMS if (found := shutil.which(program))]
    if not installed:
        raise AudioFileError(
            f"{name} is in a format that only `afconvert` (macOS) or `ffmpeg` can decode, and neither is installed.",
            hint="Install ffmpeg: `brew install ffmpeg` on macOS, `apt install ffmpeg` on Debian and Ubuntu.",
        )
    complaints = []
    with tempfile.TemporaryDirectory(prefix="gpa-mlx-") as folder:
        for program, found in installed:
            target = Path(folder, f"{program}.out")
            complaint = _run(program, _PROGRAMS[program](found, source, str(target)), name)
            if complaint is None and target.is_file():
                return target.open("rb", buffering=0)
            complaint = (complaint or "nothing, but it wrote no file").removeprefix(f"file:{source}: ")
            complaints.append(f"{program} says: {complaint}")
    tried = [program for program, _ in installed]
    raise AudioFileError(
        f"{name} cannot be decoded; {'; '.join(complaints)}.",
        hint="Check that the file plays." if "ffmpeg" in tried else "ffmpeg reads more formats: `brew install ffmpeg`.",
    )


def _run(program: str, command: list[str], name: str) -> str | None:
    """Run a program to its end and return its complaint; None means that it went well."""
    try:
        # On any exception, an interrupt too, `run` kills the program before it goes on.
        result = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nothing, it did not finish within {_TIMEOUT_S:g} s"
    except OSError as error:
        return str(error.strerror or error)
    said = _shortened(result.stderr.decode(errors="replace"))
    if result.returncode:
        return said or f"exit status {result.returncode}"
    if said:
        logger.warning("%s may not be read completely; %s says: %s", name, program, said)
    return None


def _shortened(output: str) -> str:
    """Return the last line, which says what everything failed of, at a length that fits into a message."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return ""
    last = "".join(character for character in lines[-1] if character.isprintable()).rstrip(".")
    return last if len(last) <= _MAX_COMPLAINT else last[: _MAX_COMPLAINT - 1] + "…"
