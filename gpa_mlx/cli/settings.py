"""`gpa-mlx settings`: what is set, where it was set, and setting it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.options import json_option
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.settings import KEYS, find_key, remove, store
from gpa_mlx.store.paths import settings_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.settings import LoadedSettings


# The mark keeps click from joining the lines.
_KEY_LIST = "\n".join(["\b", "Keys:", *(f"  {key.name:<14} {key.help}" for key in KEYS.values())])


@click.group(invoke_without_command=True, epilog=_KEY_LIST)
@json_option
@click.pass_context
def settings(context: click.Context, *, as_json: bool) -> None:
    """Show and change the settings.

    Shows every value and where it comes from: the first of an option of the command, an environment variable
    `GPA_MLX_<KEY>`, the settings file and the default. Then it says which cannot be used, and how to take them out.
    """
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError(f"--json is not for `settings {context.invoked_subcommand}`.", context)
        return
    session: Session = context.obj
    loaded = replace(session.source, lenient=True).load()
    values = {name: getattr(loaded.settings, name) for name in KEYS}
    if as_json:
        document = {
            name: {"value": _plain(value), "origin": loaded.origins[name], "help": KEYS[name].help}
            for name, value in values.items()
        }
        write_json(document)
    else:
        _list(loaded, values)
    if loaded.problems:
        raise click.exceptions.Exit(max(session.diagnostics.report(problem) for problem in loaded.problems))


def _list(loaded: LoadedSettings, values: Mapping[str, Any]) -> None:
    rows = [(name, KEYS[name].shown(value), loaded.origins[name]) for name, value in values.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        say(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


@settings.command()
def path() -> None:
    """Print the path of the settings file."""
    say(str(settings_file()))


@settings.command("set")
@click.argument("key", metavar="KEY")
@click.argument("value", metavar="VALUE")
@click.pass_obj
def set_(session: Session, *, key: str, value: str) -> None:
    """Write one value into the settings file; comments in it stay.

    KEY is one of those that `gpa-mlx settings` lists, or `keys.BINDING` for a key of the terminal app.
    """
    from gpa_mlx.jobs.settings import check_setting

    diagnostics = session.diagnostics
    if key in ("model", "voice", "words_file"):
        check_setting(replace(session.source, lenient=True).load().settings, key, value)
    store(key, value)
    diagnostics.inform(f"{key} is set in {settings_file()}")
    _tell_if_overruled(diagnostics, key)


@settings.command()
@click.argument("key", metavar="KEY")
@click.pass_obj
def unset(session: Session, *, key: str) -> None:
    """Take one value out of the settings file; then the default holds."""
    diagnostics = session.diagnostics
    if remove(key):
        diagnostics.inform(f"{key} is taken out of {settings_file()}")
        if key in KEYS:
            _tell_if_overruled(diagnostics, key)
        return
    find_key("keys" if key.startswith("keys.") else key)
    diagnostics.inform(f"{key} is not set in {settings_file()}")


def _tell_if_overruled(diagnostics: Diagnostics, name: str) -> None:
    """Say so when a variable hides what stands in the file."""
    key = KEYS.get(name)
    if key is not None and os.environ.get(key.variable):
        diagnostics.note(f"{key.variable} is set in the environment and goes before the file.")


def _plain(value: Any) -> Any:  # noqa: ANN401
    return value if value is None or isinstance(value, str | int | float | dict) else str(value)
