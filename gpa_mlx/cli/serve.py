"""`gpa-mlx serve`: the engine for every program on this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import introduce
from gpa_mlx.cli.options import adapter_option, model_option
from gpa_mlx.errors import GPAError, SettingsError, VoiceError

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
@click.option(
    "--install", is_flag=True, help="Start it, with these options, now and at every login; again when it ends."
)
@click.option("--uninstall", is_flag=True, help="End what --install has started, for good.")
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
    install: bool,
    uninstall: bool,
) -> None:
    """Make the model available to other programs.

    A server on this machine with OpenAI's audio interface: give a client the address with `/v1`, and any key. It
    transcribes, speaks and converts voices, for many clients at once, while the results are made. Only this machine
    reaches it, unless --host says otherwise; then it asks for a key.

    Ctrl-C ends it: what runs is given time to end. With --install it runs from now on, as an agent of launchd on
    macOS and a unit of systemd on Linux.
    """
    if uninstall:
        if install:
            raise click.UsageError("--install and --uninstall are for one at a time.", click.get_current_context())
        _uninstall(session)
        return
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise SettingsError(f"The server needs {', '.join(missing)}.", hint="Install it: pip install 'gpa-mlx[serve]'.")
    import os

    from gpa_mlx.engine.shared import load_shared
    from gpa_mlx.jobs.models import find_model
    from gpa_mlx.model import demo
    from gpa_mlx.runtime.memory import apply_limits
    from gpa_mlx.server.options import Limits, ServerOptions
    from gpa_mlx.server.running import address_of, make_server, open_socket, require_key
    from gpa_mlx.settings import API_KEY_VARIABLE
    from gpa_mlx.store.manifest import require_converted

    settings = session.settings
    options = ServerOptions(
        host=host,
        port=port,
        api_key=_key(api_key_file) or os.environ.get(API_KEY_VARIABLE) or None,
        allowed_hosts=frozenset(hosts),
        allowed_origins=frozenset(origins),
        limits=Limits(upload_bytes=max_upload * 1_000_000, running=running, waiting=waiting, drain_s=drain),
    )
    require_key(options, insecure=insecure)
    path = find_model(settings, model)
    if install:
        require_converted(path)
        if port == 0:
            raise SettingsError("Nobody would find a service at another port each time.", hint="Name one: --port N.")
        if api_key_file is None and options.api_key is not None:
            raise SettingsError(
                "The key in GPA_MLX_API_KEY would not be there at the next login.",
                hint="Write it into a file that only you can read, and name that with --api-key-file.",
            )
        _install(session, path, drain_s=drain, where=f"http://{host}:{port}")
        return
    usual_voice = _usual_voice(session, voice, path)
    introduce(session, model)
    name = demo.NAME if demo.is_demo_model(path) else path.name
    apply_limits(settings.max_memory, settings.cache_limit)
    with (
        load_shared(path, adapter=adapter, idle_unload_s=settings.idle_unload_s or None) as engine,
        open_socket(options) as listening,
    ):
        address = address_of(listening)
        server = make_server(engine, options, path=path, model=name, voice=usual_voice)
        session.diagnostics.inform(f"Serving '{name}' at {address} (OpenAI's interface: {address}/v1). Ctrl-C ends it.")
        server.run(sockets=[listening])


def _usual_voice(session: Session, voice: str | None, model: Path) -> str | None:
    """Return who speaks where a request names nobody: the voice of the option, or that of the settings if it fits.

    Raises:
        VoiceError: There is no voice of the option's name.
    """
    from gpa_mlx.jobs.voice_choice import named_voice

    chosen = voice or session.settings.voice
    if chosen is None:
        return None
    try:
        return named_voice(chosen, model).name
    except VoiceError as error:
        if voice:
            hint = "`gpa-mlx voices list` shows all voices; a server takes none from a file."
            raise VoiceError(error.message, hint=hint) from error
        session.diagnostics.note(f"the setting `voice` is not used: {error.message}")
        return None


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


def _install(session: Session, model: Path, *, drain_s: int, where: str) -> None:
    """Have the options of this run served from now on, and show what was written for that."""
    from gpa_mlx.server.service import Service, own_program, service_environment, service_manager

    manager = service_manager()
    service = Service(
        command=(*own_program(), "serve", *_given_words(session, model)),
        environment=service_environment(),
        drain_s=drain_s,
    )
    click.echo(manager.describe(service), nl=False)
    manager.install(service)
    session.diagnostics.inform(f"wrote {manager.file}")
    session.diagnostics.inform(
        f"Serving at {where} from now on. What it says: {manager.log}. `gpa-mlx serve --uninstall` ends it."
    )


def _uninstall(session: Session) -> None:
    from gpa_mlx.server.service import service_manager

    manager = service_manager()
    if manager.uninstall():
        session.diagnostics.inform(f"ended, and removed {manager.file}")
    else:
        session.diagnostics.note("there is no service to remove.")


def _given_words(session: Session, model: Path) -> tuple[str, ...]:
    """Return the options that were given, with absolute paths: a service has another working folder.

    Args:
        session: Of this run.
        model: The directory of its model.

    Raises:
        GPAError: One cannot be kept in a file of text.
    """
    context = click.get_current_context()
    words = [word for key, value in session.flags.items() for word in (f"--{key.replace('_', '-')}", value)]
    for parameter in context.command.params:
        name = parameter.name or ""
        origin = context.get_parameter_source(name)
        is_given = origin in (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
        if not is_given or name not in context.params or name == "install":
            continue
        value = context.params[name]
        for one in value if isinstance(value, tuple) else (value,):
            words.append(parameter.opts[-1])
            if not isinstance(one, bool):
                is_place = isinstance(one, Path) or (name == "model" and Path(one).absolute() == model.absolute())
                words.append(str(Path(one).absolute()) if is_place else str(one))
    for word in words:
        if not word.isprintable():
            raise GPAError(f"{word!r} cannot be an option of a service.", hint="Give it a plainer name.")
    return tuple(words)
