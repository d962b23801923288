"""The clipboard; what is on it stays."""

from __future__ import annotations

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.host import Host
from gpa_mlx.runtime.clipboard import clipboard_state

_AREA = "clipboard"


def examine_clipboard(host: Host) -> list[Finding]:
    """Say how text gets onto the clipboard."""
    state = clipboard_state(host.environ, host.platform)
    if not state.way:
        return [Finding(_AREA, "warning", state.problem, state.fix)]
    if state.paste:
        return [Finding(_AREA, "ok", f"Through {state.way}.")]
    fix = (
        "iTerm: Settings > General > Selection > Applications in terminal may access clipboard; Apple's Terminal cannot"
    )
    if host.environ.get("TMUX"):
        fix = f"`tmux set -g allow-passthrough on`. {fix}"
    return [Finding(_AREA, "note", "Over ssh text is handed to your terminal (OSC 52), if it allows that.", fix)]
