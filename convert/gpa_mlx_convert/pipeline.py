"""From an upstream directory to a converted one: check everything, write one part at a time, publish whole."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.jobs.events import PartProgress, StepStarted
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.file_names import lies_in
from gpa_mlx.store.files import real_target
from gpa_mlx.store.free_space import space_warning
from gpa_mlx.store.manifest import FORMAT_VERSION, FileInfo, Manifest, UpstreamSource, stream_sha256, write_manifest
from gpa_mlx.store.progress import Steps, result_of
from gpa_mlx.store.staging import check_destination, recover, staged
from gpa_mlx.text.printable import printable_line
from gpa_mlx.version import __version__
from gpa_mlx_convert.parts import WEIGHTS, Part, open_parts
from gpa_mlx_convert.sources import Upstream
from gpa_mlx_convert.writer import safetensors_chunks, stream_write

if TYPE_CHECKING:
    from gpa_mlx_convert.quantize import Bits, Dtype

logger = logging.getLogger(__name__)

_MARGIN_BYTES = 16_000_000
"""Free space to leave beyond the files themselves."""


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
    source_label: str | None = None,
    revision: str | None = None,
) -> Manifest:
    """Convert an upstream GPA directory; the fold of `stream_convert`."""
    return result_of(stream_convert(source, destination, options, source_label=source_label, revision=revision))


def stream_convert(
    source: Path,
    destination: Path,
    options: ConvertOptions,
    *,
    source_label: str | None = None,
    revision: str | None = None,
) -> Generator[StepStarted | PartProgress, None, Manifest]:
    """Convert an upstream GPA directory; closing the generator cancels.

    At every moment `destination` is absent, what it was before, or the whole new model, even when the process is
    killed. Memory is bounded by the largest tensors of one part, not by the model.

    Args:
        source: Upstream directory.
        destination: Directory to create.
        options: How to convert.
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
    source = Path(source)
    try:
        destination = real_target(destination)
        upstream = Upstream.open(source)
        recover(destination)
        if lies_in(source, destination):
            raise SettingsError(f"{destination} holds the source {source}.", hint="Choose another destination.")
        check_destination(destination, force=options.force)
        parts = open_parts(upstream, options.dtype, options.lm_bits)
        needed = sum(part.size for part in parts) + _MARGIN_BYTES
        if warning := space_warning(destination, needed, "the converted model"):
            yield StepStarted(step=warning)
        with staged(destination, replace=options.force) as folder:
            files: dict[str, FileInfo] = {}
            checksums: dict[str, str] = {}
            for part in parts:
                done, total = 0, part.size + sum(path.stat().st_size for path in part.upstream_files)
                for count in (steps := Steps(_convert_part(part, source, folder))):
                    done += count
                    yield PartProgress(part=part.name, done_bytes=done, total_bytes=total)
                files |= steps.result.files
                checksums |= steps.result.checksums
                mx.clear_cache()
            manifest = Manifest(
                format_version=FORMAT_VERSION,
                converter_version=__version__,
                model_family=_family(parts, source, checksums),
                model_name=printable_line(PurePath(source_label or source.resolve()).name),
                source=UpstreamSource(printable_line(source_label or str(source)), revision, checksums),
                parts={part.name: part.info for part in parts},
                files=files,
            )
            write_manifest(folder, manifest)
    except OSError as error:
        raise GPAError(
            f"{error.filename or destination}: {error.strerror or error}.", hint="The destination is as it was before."
        ) from error
    return manifest


class _ConvertedPart(NamedTuple):
    """What the manifest says of a part: its files, and the SHA-256 of those it was made from."""

    files: dict[str, FileInfo]
    checksums: dict[str, str]


def _convert_part(part: Part, source: Path, root: Path) -> Generator[int, None, _ConvertedPart]:
    """Yield bytes that have been read for their checksum or written."""
    checksums = {}
    for path in part.upstream_files:
        checksums[path.relative_to(source).as_posix()] = yield from stream_sha256(path)
    folder = root / part.folder
    folder.mkdir(exist_ok=True)
    contents: dict[str, Iterable[bytes | memoryview]] = {
        path.with_suffix(".json").name if path.suffix == ".yaml" else path.name: [text]
        for path, text in part.texts.items()
    }
    contents[WEIGHTS] = safetensors_chunks(part.slots, part.tensors())
    files = {}
    for name, chunks in contents.items():
        files[(PurePosixPath(part.folder) / name).as_posix()] = yield from stream_write(folder / name, chunks)
    logger.info("wrote %s: %d tensors", part.name, len(part.slots))
    return _ConvertedPart(files, checksums)


def _family(parts: Sequence[Part], source: Path, checksums: Mapping[str, str]) -> str:
    """Name the codec by its upstream weights: they alone give the 32 integers of a voice their meaning."""
    codec = next(part for part in parts if part.name == "bicodec")
    names = sorted(path.relative_to(source).as_posix() for path in codec.checkpoint.files)
    digest = hashlib.sha256("".join(checksums[name] for name in names).encode())
    return f"bicodec-{digest.hexdigest()[:12]}"
