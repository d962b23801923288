"""MLX: whether it loads, and what it computes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.host import Host


@dataclass(frozen=True, slots=True)
class Backend:
    """MLX as it loaded.

    Attributes:
        version: Of MLX.
        device: What it computes on: `gpu` or `cpu`.
        has_metal: Whether it reaches Apple's GPU.
        blas: OpenBLAS on Linux; None if absent or not needed.
    """

    version: str
    device: str
    has_metal: bool
    blas: str | None


def load_backend() -> Backend:
    """Load MLX and let it compute something; whatever goes wrong comes out as MLX raised it."""
    from gpa_mlx.runtime.backend import BLAS_LIBRARY, mx

    if mx.sum(mx.ones(4)).item() != 4:
        raise RuntimeError("MLX computes wrongly")
    return Backend(version("mlx"), mx.default_device().type.name, mx.metal.is_available(), BLAS_LIBRARY)


def examine_backend(host: Host, load: Callable[[], Backend] = load_backend) -> list[Finding]:
    """Say whether MLX works and what it computes on."""
    package = "mlx" if host.is_mac else "mlx[cpu]"
    try:
        backend = load()
    except Exception as error:  # noqa: BLE001 - a broken installation raises anything
        said = " ".join(str(error).split())
        return [
            Finding(
                "backend",
                "missing",
                f"MLX does not work: {said or type(error).__name__}.",
                f"`python -m pip install --force-reinstall '{package}'`, with the Python that runs gpa-mlx",
            )
        ]
    findings = [Finding("backend", "ok", f"MLX {backend.version} computes on the {backend.device.upper()}.")]
    if host.is_mac and not backend.has_metal:
        findings.append(
            Finding(
                "backend",
                "warning",
                "Apple's GPU (Metal) is not available, so everything is many times slower.",
                "Run it on the Mac itself: virtual machines and containers have no Metal",
            )
        )
    if not host.is_mac and backend.device == "cpu":
        findings.append(_blas(backend))
    return findings


def _blas(backend: Backend) -> Finding:
    if backend.blas is not None:
        return Finding("backend", "ok", f"OpenBLAS multiplies the matrices ({backend.blas}).")
    return Finding(
        "backend",
        "warning",
        "OpenBLAS is not installed; MLX's own matrix product on the CPU is many times slower.",
        "`apt install libopenblas0-pthread` (Fedora: `dnf install openblas-threads`)",
    )
