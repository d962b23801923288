"""The option `--server`: a command that asks a running server instead of loading a model of its own."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpa_mlx.errors import GPAError, ModelNotFoundError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.program import Session
    from gpa_mlx.engine.remote import RemoteTranscriber

F = TypeVar("F", bound="Callable[..., Any]")

AUTO = "auto"
_PROBE_S = 0.5


def server_option(command: F) -> F:
    """Add `--server`; the command receives it as `server`, None when neither option nor environment names one."""
    return click.option(
        "--server",
        metavar="URL|auto",
        envvar="GPA_MLX_SERVER",
        show_envvar=True,
        help="Let a running `gpa-mlx serve` do it; no model is loaded here. `auto`: the one on this machine, if it "
        "answers and has the same model. A key is taken from GPA_MLX_API_KEY.",
    )(command)


def find_server(
    session: Session, server: str | None, model: str | None, *, own: tuple[str, ...]
) -> AbstractContextManager[RemoteTranscriber] | None:
    """Return the server that is to be used; None: none is.

    Args:
        session: Of this run.
        server: What the user named.
        model: The model the user named.
        own: Options of this run that no server heeds.

    Raises:
        SettingsError: A server is named, and options that it does not heed; or it asks for another key.
        ModelNotFoundError: It has another model.
        GPAError: It does not answer.
    """
    if not server or (server == AUTO and own):
        return None
    if own:
        raise SettingsError(f"A server does not heed {', '.join(own)}.", hint="Leave --server out, or these.")
    from gpa_mlx.engine.remote import USUAL_ADDRESS, RemoteTranscriber
    from gpa_mlx.settings import API_KEY_VARIABLE

    key = os.environ.get(API_KEY_VARIABLE) or None
    if server == AUTO:
        return _on_this_machine(session, RemoteTranscriber(USUAL_ADDRESS, key=key, timeout_s=_PROBE_S), model, key)
    wanted = None if model is None else _name_of(model)
    served = RemoteTranscriber(server, key=key, model=wanted).status().model
    if wanted is not None and wanted != served:
        raise ModelNotFoundError(
            f"The server at {server} has the model '{served}', not '{wanted}'.", hint="Leave --model or --server out."
        )
    return nullcontext(RemoteTranscriber(server, key=key, model=wanted))


def _on_this_machine(
    session: Session, probe: RemoteTranscriber, model: str | None, key: str | None
) -> AbstractContextManager[RemoteTranscriber] | None:
    from gpa_mlx.engine.remote import RemoteTranscriber
    from gpa_mlx.jobs.models import find_model, is_demo
    from gpa_mlx.model import demo

    wanted = demo.NAME if is_demo(session.settings, model) else find_model(session.settings, model).name
    try:
        status = probe.status()
    except GPAError:
        return None
    if not status.is_ready or status.model != wanted:
        return None
    return nullcontext(RemoteTranscriber(probe.address, key=key, model=wanted))


def _name_of(model: str) -> str:
    """Return what a server calls a model that is named here, by its directory too."""
    return Path(model).name or model
