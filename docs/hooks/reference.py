"""Pages of the site that nobody writes: commands from `--help`, Python from docstrings, layers, card, pictures.

mkdocs calls the functions named `on_...`. What they make is never committed, and so cannot be out of date.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from mkdocs.structure.files import File

import gpa_mlx
from gpa_mlx.cli.commands import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
_HELP_WIDTH = 88
_SNAPSHOTS = ROOT / "tests/app/__snapshots__"

PACKAGES = {"gpa_mlx": ROOT / "gpa_mlx", "gpa_mlx_convert": ROOT / "convert/gpa_mlx_convert"}
"""The packages whose modules the reference describes; the app is described by its screens."""

COPIED = {
    "demo-model.md": ROOT / "gpa_mlx/data/demo/model/MODEL_CARD.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "changelog.md": ROOT / "CHANGELOG.md",
}
"""Pages that are files elsewhere in the repository."""

PICTURES = {
    "pictures/speak.svg": _SNAPSHOTS / "test_app_speak/test_it_looks_right[dark-80x24].svg",
    "pictures/dictate.svg": _SNAPSHOTS / "test_app_dictate/test_dictating_looks_right[light-80x24].svg",
}
"""Pictures of the app: what its tests compare it with."""


class Room(NamedTuple):
    """One page of the reference: a package of the core and its modules, or the modules at the top."""

    name: str
    modules: tuple[str, ...]

    @property
    def page(self) -> str:
        """The page's path in the site's sources."""
        return f"reference/rooms/{self.name}.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the rooms into the navigation."""
    for entry in config.nav or []:
        for part in entry.get("Reference", []) if isinstance(entry, dict) else []:
            if "Rooms" in part:
                part["Rooms"] = [{room.name: room.page} for room in rooms()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that are made."""
    made = {"reference/commands.md": command_page(), "reference/python.md": python_page()}
    made |= {room.page: room_page(room) for room in rooms()}
    made |= {page: with_links_from_docs(path.read_text(encoding="utf-8")) for page, path in COPIED.items()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    for name, path in PICTURES.items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in the layers and the contracts, as `lint-imports` checks them."""
    return markdown.replace("<!-- layers -->", layer_table()).replace("<!-- contracts -->", contract_list())


def layer_table() -> str:
    """Return the layers as a table in Markdown, one row per room, the uppermost first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    pages = {module: room.page for room in reversed(rooms()) for module in room.modules}
    rows = ["| layer | room | what it is |", "|---|---|---|"]
    for number, layer in enumerate(layers, start=1):
        for name in re.split(r"\s*[:|]\s*", layer):
            room = f"[`{name}`]({pages[name]})" if name in pages else f"`{name}`"
            rows.append(f"| {number} | {room} | {first_line(name)} |")
    return "\n".join(rows) + "\n"


def contract_list() -> str:
    """Return the contracts as a list in Markdown, each with the reason that stands above it."""
    found = re.findall(
        r"((?:^#[^\n]*\n)*)^\[\[tool\.importlinter\.contracts\]\]\nname = \"([^\"]+)\"",
        (ROOT / "pyproject.toml").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    lines = []
    for comment, name in found:
        reason = re.sub(r"\s*\n?# ?", " ", comment).strip().removeprefix("Why: ")
        lines.append(f"- **{name}.** {reason[:1].upper()}{reason[1:]}".rstrip())
    return "\n".join(lines) + "\n"


def first_line(module: str) -> str:
    """Return the first line of a module's docstring; the module is read, not imported."""
    package, *rest = module.split(".")
    path = {"gpa_mlx_tui": ROOT / "tui/gpa_mlx_tui", **PACKAGES}[package].joinpath(*rest)
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def command_page() -> str:
    """Return the page of all commands, each as its own `--help` says it."""
    parts = [
        "# Commands\n\nWhat `--help` says of every command. [Exit codes and standard streams](../how-to/install.md).\n"
    ]
    for path, command in commands():
        level = "##" if len(path) < 3 else "###"
        with click.Context(
            command, info_name=" ".join(path), max_content_width=_HELP_WIDTH, terminal_width=_HELP_WIDTH
        ) as context:
            parts.append(f"{level} {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def python_page() -> str:
    """Return the page of the public names of the package, in the order in which they are exported."""
    parts = [
        "# Python\n\n`import gpa_mlx` has these names. [Use it in Python](../how-to/python.md) shows them at work.\n"
    ]
    public = (name for name in gpa_mlx.__all__ if not name.startswith("_"))
    # References lead to the page of the room, which describes the same object.
    here = "    options:\n      skip_local_inventory: true"
    parts.extend(f"::: {getattr(gpa_mlx, name).__module__}.{name}\n{here}\n" for name in public)
    return "\n".join(parts)


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command of the program with the words that call it, groups before their members."""

    def walk(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        yield path, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                member = command.get_command(context, name)
                if member is not None and not member.hidden:
                    yield from walk((*path, name), member)

    return walk(("gpa-mlx",), cli)


def rooms() -> list[Room]:
    """Return the rooms of the core and of the converter, in alphabetical order."""
    found = []
    for package, folder in PACKAGES.items():
        top = [path for path in sorted(folder.glob("*.py")) if path.stem not in {"__init__", "__main__"}]
        found.append(Room(package, (package, *(f"{package}.{path.stem}" for path in top))))
        for room in sorted(path.parent for path in folder.glob("*/__init__.py")):
            modules = (
                ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
                for path in sorted(room.rglob("*.py"))
            )
            found.append(Room(f"{package}.{room.name}", tuple(modules)))
    return found


def room_page(room: Room) -> str:
    """Return a page with the docstring of every module of a room and of its public names."""
    parts = [f"# {room.name}\n"]
    for module in room.modules:
        # The top's own names are described where they are defined.
        members = "\n      members: false" if module == "gpa_mlx" else ""
        parts.append(f"::: {module}\n    options:\n      show_root_full_path: true{members}\n")
    return "\n".join(parts)


def with_links_from_docs(text: str) -> str:
    """Return the text of a page of the repository's top folder with links as they are from inside `docs/`."""
    for page, path in COPIED.items():
        text = text.replace(f"]({path.name})", f"]({page})")
    return re.sub(r"\]\(docs/", "](", text)
