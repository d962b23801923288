"""Forms with files: spooled, bounded, and given to the engine as files of ours that disappear with the request."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from gpa_mlx.server.errors import ApiError, invalid
from gpa_mlx.server.fields import Fields
from gpa_mlx.text.printable import printable
from gpa_mlx.types import AudioFile

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_FIELDS, _MOST_FILES = 100, 10
_FIELD_BYTES = 1 << 20
_SHOWN_CHARS = 80


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[Fields]:
    """Read a form, multipart or not; its files are gone when the block ends.

    Raises:
        ApiError: It is none, or has too many or too large fields.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise ApiError(400, "The request must be a form (multipart/form-data).", code="invalid_form")
    try:
        form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_FIELD_BYTES)
    except (MultiPartException, HTTPException, KeyError, ValueError) as error:
        said = getattr(error, "detail", None) or getattr(error, "message", None) or "it is damaged"
        raise ApiError(400, f"The form cannot be read: {said}.", code="invalid_form") from error
    try:
        values: dict[str, list[str]] = {}
        files: dict[str, list[UploadFile]] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files.setdefault(name, []).append(value)
            else:
                values.setdefault(name, []).append(value)
        yield Fields({name: given[0] if len(given) == 1 else given for name, given in values.items()}, files)
    finally:
        await form.close()


@asynccontextmanager
async def recordings_of(fields: Fields, *names: str) -> AsyncIterator[tuple[AudioFile, ...]]:
    """Keep the files of some fields, in a private folder, while the block lasts.

    Args:
        fields: Of the request.
        names: Of the fields; each must have a file.

    Raises:
        ApiError: There is none, or it is empty.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="gpa-mlx-"))
    try:
        kept: list[AudioFile] = []
        for name in names:
            uploaded = fields.files.get(name, [])
            if not uploaded:
                raise invalid(name, f"'{name}' must be an uploaded file.")
            for upload in uploaded:
                path = folder / f"{len(kept)}{_suffix(upload.filename)}"
                if not await asyncio.to_thread(_copy, upload, path):
                    raise invalid(name, f"The file in '{name}' is empty.")
                kept.append(AudioFile(os.fspath(path), name=_shown(upload.filename)))
        yield tuple(kept)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _copy(upload: UploadFile, path: Path) -> int:
    upload.file.seek(0)
    with path.open("xb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)
        return file.tell()


def _suffix(name: str | None) -> str:
    """Return the ending of a client's name for its file, if it is a plain one: some formats are told by it."""
    suffix = Path(name or "").suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 6 else ""


def _shown(name: str | None) -> str:
    """Return what messages call a file."""
    return printable(Path(name or "").name[:_SHOWN_CHARS]) or "the recording"
