"""From an upstream directory to a converted one: check everything, write one part at a time, publish whole."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.manifest import FORMAT_VERSION, FileInfo, Manifest, UpstreamSource, sha256_of, write_manifest
from gpa_mlx.store.staging import check_destination, check_free_space, recover, staged
from gpa_mlx.version import __version__
from gpa_mlx_convert.parts import WEIGHTS, Part, open_parts
from gpa_mlx_convert.sources import Upstream
from gpa_mlx_convert.writer import safetensors_chunks, write_file

if TYPE_CHECKING:
    from gpa_mlx_convert.quantize import Bits, Dtype

logger = logging.getLogger(__name__)

_MARGIN_BYTES = 16_000_000
"""Free space to leave beyond the files themselves."""

Progress = Callable[[str, int, int], None]
"""Called with the part's name, bytes done and bytes in total."""


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How to convert.

    Attributes:
        dtype: Of the language model; encoders and codec are always stored in float32.
        lm_bits: Quantise the matrices of the language model to so many bits (the embedding and the output head to at
            least 8); None keeps them plain.
        force: Replace an existing converted model.
    """

    dtype: Dtype = "float32"
    lm_bits: Bits | None = None
    force: bool = False


def convert(
    source: Path,
    destination: Path,
    options: ConvertOptions,
    *,
    on_progress: Progress | None = None,
    source_label: str | None = None,
    revision: str | None = None,
) -> Manifest:
    """Convert an upstream GPA directory.

    At every moment `destination` is absent, what it was before, or the whole new model, even when the process is
    killed. Memory is bounded by the largest tensors of one part, not by the model.

    Args:
        source: Upstream directory.
        destination: Directory to create.
        options: How to convert.
        on_progress: Hears how far each part is.
        source_label: Where the weights came from, for the manifest; the path when None.
        revision: Resolved commit of a hub repository, for the manifest.

    Returns:
        The manifest of the new model.

    Raises:
        ModelNotFoundError: There is no such source.
        ModelFormatError: The source is incomplete, damaged or not what its configs say.
        SettingsError: The destination may not be written.
        GPAError: The disk is full or not writable.
    """
    source, destination = Path(source), Path(destination).resolve()
    try:
        upstream = Upstream.open(source)
        recover(destination)
        if source.resolve().is_relative_to(destination):
            raise SettingsError(f"{destination} holds the source {source}.", hint="Choose another destination.")
        check_destination(destination, force=options.force)
        parts = open_parts(upstream, options.dtype, options.lm_bits)
        check_free_space(destination, sum(part.size for part in parts) + _MARGIN_BYTES)
        with staged(destination, replace=options.force) as folder:
            files: dict[str, FileInfo] = {}
            checksums: dict[str, str] = {}
            for part in parts:
                meter = _Meter(part, on_progress)
                for path in part.upstream_files:
                    checksums[path.relative_to(source).as_posix()] = sha256_of(path, meter.advance)
                files |= _write_part(part, folder, meter.advance)
                mx.clear_cache()
            manifest = Manifest(
                format_version=FORMAT_VERSION,
                converter_version=__version__,
                model_family=_family(parts, source, checksums),
                model_name=PurePath(source_label or source.resolve()).name,
                source=UpstreamSource(source_label or str(source), revision, checksums),
                parts={part.name: part.info for part in parts},
                files=files,
            )
            write_manifest(folder, manifest)
    except OSError as error:
        raise GPAError(
            f"{error.filename or destination}: {error.strerror or error}.", hint="The destination is as it was before."
        ) from error
    return manifest


class _Meter:
    """Bytes of one part that have been read for their checksum or written."""

    def __init__(self, part: Part, on_progress: Progress | None) -> None:
        self._name = part.name
        self._total = part.size + sum(path.stat().st_size for path in part.upstream_files)
        self._done = 0
        self._on_progress = on_progress

    def advance(self, count: int) -> None:
        self._done += count
        if self._on_progress:
            self._on_progress(self._name, self._done, self._total)


def _write_part(part: Part, root: Path, on_bytes: Callable[[int], None]) -> dict[str, FileInfo]:
    """Write the files of a part and return them by path relative to `root`."""
    folder = root / part.folder
    folder.mkdir(exist_ok=True)
    files = {}
    for path, text in part.texts.items():
        name = path.with_suffix(".json").name if path.suffix == ".yaml" else path.name
        files[name] = write_file(folder / name, [text])
        on_bytes(len(text))
    files[WEIGHTS] = write_file(folder / WEIGHTS, safetensors_chunks(part.slots, part.tensors(), on_bytes))
    logger.info("wrote %s: %d tensors", part.name, len(part.slots))
    return {(PurePosixPath(part.folder) / name).as_posix(): info for name, info in files.items()}


def _family(parts: Sequence[Part], source: Path, checksums: Mapping[str, str]) -> str:
    """Name the codec by its upstream weights: they alone give the 32 integers of a voice their meaning."""
    codec = next(part for part in parts if part.name == "bicodec")
    names = sorted(path.relative_to(source).as_posix() for path in codec.checkpoint.files)
    digest = hashlib.sha256("".join(checksums[name] for name in names).encode())
    return f"bicodec-{digest.hexdigest()[:12]}"
