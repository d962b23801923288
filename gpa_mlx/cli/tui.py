"""`gpa-mlx tui`: the terminal app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.options import model_option

if TYPE_CHECKING:
    from gpa_mlx.cli.program import Session


class _WithKeys(click.Command):
    """A command whose help ends with the app's keys."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of keys, by mode."""
        from gpa_mlx_tui.bindings import APP, keys_of, shown_key
        from gpa_mlx_tui.modes import MODES

        for mode, title in ((APP, "Keys"), *((mode.id, f"Keys in {mode.title}") for mode in MODES)):
            rows = [(shown_key(row.key), row.tooltip) for row in keys_of(mode)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.command(cls=_WithKeys)
@model_option
@click.option(
    "--theme", type=click.Choice(["dark", "light"]), help="Colours.  [default: as in the settings, or as the terminal]"
)
@click.option("--ascii", "ascii_only", is_flag=True, default=None, help="Draw with ASCII characters only.")
@click.pass_obj
def tui(session: Session, *, model: str | None, theme: str | None, ascii_only: bool | None) -> None:
    """Dictate, speak and more in a terminal app.

    Without --model it opens on the demo model, which hears and says twenty words. F1 shows every key.
    """
    from gpa_mlx_tui.launch import run

    run(session.source, model, theme, ascii_only)
