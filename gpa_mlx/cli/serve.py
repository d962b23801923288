"""`gpa-mlx serve`: the engine for every program on this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import introduce
from gpa_mlx.cli.options import adapter_option, model_option
from gpa_mlx.errors import SettingsError

if TYPE_CHECKING:
    from gpa_mlx.cli.program import Session

_NEEDED = ("starlette", "uvicorn", "python_multipart", "websockets", "prometheus_client")
_MOST_KEY_BYTES = 4096


@click.command()
@model_option
@adapter_option
@click.option("--voice", metavar="NAME", help="The usual voice.  [default: the setting `voice`, or the first one]")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65_535),
    default=8765,
    show_default=True,
    help="Where it listens; 0 takes a port that is free.",
)
@click.option(
    "--api-key-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file with the key that clients must send; so does the variable GPA_MLX_API_KEY.",
)
@click.option("--insecure", is_flag=True, help="Serve a network without a key.")
@click.option("--allow-host", "hosts", metavar="NAME", multiple=True, help="Another name of this machine.")
@click.option("--allow-origin", "origins", metavar="URL", multiple=True, help="A site whose pages may use the server.")
@click.option(
    "--max-upload",
    metavar="MB",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Larger requests are refused.",
)
@click.option(
    "--running", metavar="N", type=click.IntRange(1, 256), default=32, show_default=True, help="Jobs at the same time."
)
@click.option(
    "--waiting", metavar="N", type=click.IntRange(0), default=64, show_default=True, help="Jobs that may wait."
)
@click.option(
    "--drain", metavar="S", type=click.IntRange(0), default=30, show_default=True, help="Seconds to end in, when asked."
)
@click.pass_obj
def serve(
    session: Session,
    *,
    model: str | None,
    adapter: Path | None,
    voice: str | None,
    host: str,
    port: int,
    api_key_file: Path | None,
    insecure: bool,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    max_upload: int,
    running: int,
    waiting: int,
    drain: int,
) -> None:
    """Make the model available to other programs.

    A server on this machine with OpenAI's audio interface: give a client the address with `/v1`, and any key. It
    transcribes, speaks and converts voices, for many clients at once, while the results are made. Only this machine
    reaches it, unless --host says otherwise; then it asks for a key.

    Ctrl-C ends it: what runs is given time to end.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise SettingsError(f"The server needs {', '.join(missing)}.", hint="Install it: pip install 'gpa-mlx[serve]'.")
    import os

    from gpa_mlx.engine.shared import load_shared
    from gpa_mlx.jobs.models import find_model
    from gpa_mlx.model import demo
    from gpa_mlx.runtime.memory import apply_limits
    from gpa_mlx.server.options import Limits, ServerOptions
    from gpa_mlx.server.running import address_of, make_server, open_socket, require_key

    settings = session.settings
    options = ServerOptions(
        host=host,
        port=port,
        api_key=_key(api_key_file) or os.environ.get("GPA_MLX_API_KEY") or None,
        allowed_hosts=frozenset(hosts),
        allowed_origins=frozenset(origins),
        limits=Limits(upload_bytes=max_upload * 1_000_000, running=running, waiting=waiting, drain_s=drain),
    )
    require_key(options, insecure=insecure)
    path = find_model(settings, model)
    introduce(session, model)
    name = demo.NAME if path == demo.demo_model() else path.name
    apply_limits(settings.max_memory, settings.cache_limit)
    with (
        load_shared(path, adapter=adapter, idle_unload_s=settings.idle_unload_s or None) as engine,
        open_socket(options) as listening,
    ):
        address = address_of(listening)
        server = make_server(engine, options, path=path, model=name, voice=voice or settings.voice)
        session.diagnostics.inform(f"Serving '{name}' at {address} (OpenAI's interface: {address}/v1). Ctrl-C ends it.")
        server.run(sockets=[listening])


def _key(file: Path | None) -> str | None:
    """Return the key in a file.

    Raises:
        SettingsError: There is none.
    """
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as opened:
            key = opened.read(_MOST_KEY_BYTES).strip()
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"The key cannot be read from {file}.", hint="Write one line of text into it.") from error
    if not key:
        raise SettingsError(f"{file} is empty.", hint="Write one line of text into it.")
    return key
