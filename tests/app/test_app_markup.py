"""Names of strangers are shown as they are: markup in them is no style and no action."""

from __future__ import annotations

from gpa_mlx_tui.widgets.button import Button

NAME = "[@click=app.quit][bold]folder[/bold][/]"


def test_a_button_shows_a_name_as_it_is():
    button = Button("")
    button.label = NAME
    assert str(button.label) == NAME
    assert not button.label.spans
