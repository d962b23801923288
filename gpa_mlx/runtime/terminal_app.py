"""Which app shows this terminal: macOS gives the microphone to apps, not to programs inside them."""

from __future__ import annotations

from collections.abc import Mapping

PANE = "System Settings > Privacy & Security > Microphone"

_BY_PROGRAM = {
    "Apple_Terminal": "Terminal",
    "iTerm.app": "iTerm",
    "vscode": "Visual Studio Code",
    "WarpTerminal": "Warp",
    "ghostty": "Ghostty",
    "kitty": "kitty",
    "WezTerm": "WezTerm",
    "alacritty": "Alacritty",
    "Hyper": "Hyper",
    "zed": "Zed",
}
_BY_BUNDLE = {
    "com.apple.Terminal": "Terminal",
    "com.googlecode.iterm2": "iTerm",
    "com.microsoft.VSCode": "Visual Studio Code",
    "dev.warp.Warp-Stable": "Warp",
    "com.mitchellh.ghostty": "Ghostty",
    "net.kovidgoyal.kitty": "kitty",
    "com.github.wez.wezterm": "WezTerm",
    "org.alacritty": "Alacritty",
    "co.zeit.hyper": "Hyper",
    "dev.zed.Zed": "Zed",
}
_BY_VARIABLE = {
    "KITTY_WINDOW_ID": "kitty",
    "GHOSTTY_RESOURCES_DIR": "Ghostty",
    "WEZTERM_PANE": "WezTerm",
    "ALACRITTY_WINDOW_ID": "Alacritty",
    "ITERM_SESSION_ID": "iTerm",
}


def terminal_app(environ: Mapping[str, str]) -> str | None:
    """Return the name of the terminal app as the system's settings list it; None if it cannot be told.

    Inside tmux it is the app that started the server, whose environment tmux hands on.
    """
    return (
        _BY_PROGRAM.get(environ.get("TERM_PROGRAM", ""))
        or _BY_BUNDLE.get(environ.get("__CFBundleIdentifier", ""))
        or next((app for variable, app in _BY_VARIABLE.items() if environ.get(variable)), None)
    )


def microphone_permission(environ: Mapping[str, str]) -> str:
    """Return how to give this terminal the microphone on a Mac, and what to do when the system does not list it."""
    app = terminal_app(environ)
    named = app or "your terminal app"
    bundle = next((bundle for bundle, name in _BY_BUNDLE.items() if name == app), "")
    reset = " ".join(["tccutil", "reset", "Microphone", *filter(None, [bundle])])
    advice = (
        f"{PANE}: switch {named} on, then quit and reopen it. If {named} is not listed there, it never asked: "
        f"`{reset}` makes macOS ask again"
    )
    if app != "Terminal":
        advice += ", and in Apple's Terminal it always does"
    if environ.get("TMUX"):
        advice += "; end tmux too (`tmux kill-server`), it keeps the permission of the app that started it"
    return advice
