"""The commands of `gpa-mlx`, by name.

Command modules are imported when they are invoked, not when the program starts: `gpa-mlx --help` answers without
loading NumPy or MLX.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click

from gpa_mlx.cli.program import session_options
from gpa_mlx.cli.ready_help import PROGRAM
from gpa_mlx.version import __version__


class LazyCommand(NamedTuple):
    """Where a command lives, and the line that lists it.

    Attributes:
        module: Module to import when the command is invoked.
        attribute: Name of the click command inside it.
        help: One line for the list of commands.
    """

    module: str
    attribute: str
    help: str


_COMMANDS = {
    "demo": LazyCommand("gpa_mlx.cli.demo", "demo", "Show everything the program does in twenty seconds."),
    "tui": LazyCommand("gpa_mlx.cli.tui", "tui", "Dictate, speak and more in a terminal app."),
    "dictate": LazyCommand("gpa_mlx.cli.dictate", "dictate", "Write down what you say into the microphone."),
    "transcribe": LazyCommand("gpa_mlx.cli.transcribe", "transcribe", "Write down what is said in recordings."),
    "speak": LazyCommand("gpa_mlx.cli.speak", "speak", "Say a text in the voice of a recording."),
    "vc": LazyCommand("gpa_mlx.cli.vc", "vc", "Say what a recording says in another voice."),
    "serve": LazyCommand("gpa_mlx.cli.serve", "serve", "Make the model available to other programs."),
    "voices": LazyCommand("gpa_mlx.cli.voices", "voices", "Keep voices under names, and pass them on as text."),
    "history": LazyCommand("gpa_mlx.cli.history", "history", "Show, play, recognise and delete what was dictated."),
    "model": LazyCommand("gpa_mlx.cli.model", "model", "Install, describe, check, repair and remove models."),
    "settings": LazyCommand("gpa_mlx.cli.settings", "settings", "Show and change the settings."),
    "doctor": LazyCommand("gpa_mlx.cli.doctor", "doctor", "Check this computer and say how to fix what is wrong."),
    "verify": LazyCommand("gpa_mlx.cli.verify", "verify", "Tell what a sound file is and whether it was altered."),
    "tokenize": LazyCommand("gpa_mlx.cli.tokens", "tokenize", "Turn a recording into discrete audio tokens."),
    "detokenize": LazyCommand("gpa_mlx.cli.tokens", "detokenize", "Turn discrete audio tokens into a sound file."),
    "convert": LazyCommand("gpa_mlx.cli.convert", "convert", "Convert an upstream checkpoint to MLX."),
    "train": LazyCommand("gpa_mlx.cli.train", "train", "Fine-tune a model, or train the demo model."),
    "bench": LazyCommand("gpa_mlx.cli.bench", "bench", "Measure how fast a model runs on this machine."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use and listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which help shows them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command and give it the options that every command has."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            where = _COMMANDS[cmd_name]
            command = getattr(import_module(where.module), where.attribute)
            _add_session_options(command)
            self.add_command(command, cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, where.help) for name, where in _COMMANDS.items()])


def _add_session_options(command: click.Command) -> None:
    command.params.extend(session_options())
    if isinstance(command, click.Group):
        for member in command.commands.values():
            _add_session_options(member)


@click.group(
    cls=LazyGroup,
    params=session_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="GPA_MLX_MODEL sets the default of --model. Results go to standard output, all else to standard error.",
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Local speech on Apple MLX: transcribe, speak and convert voices with one model, offline."""
