"""README and the pages of `docs/` show commands that exist and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest

from gpa_mlx.cli.commands import cli
from tests.support.markdown import ROOT, anchors, blocks, code_spans, commands, links, pages, without_blocks

README = ROOT / "README.md"
MADE = {"contributing.md", "changelog.md", "demo-model.md", "reference/commands.md", "reference/python.md"}
"""Pages of the site that are made when it is built: docs/hooks/reference.py."""


def described(path: Path) -> str:
    return str(path.relative_to(ROOT))


PAGES = pytest.mark.parametrize("page", pages(), ids=described)


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words call, and the words after its name."""
    command, rest = cli, words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        member = command.get_command(click.Context(command), rest[0])
        if member is None and rest[0].isupper():
            break  # COMMAND stands for any
        assert member is not None, f"`{' '.join(words)}` calls a command that does not exist"
        command, rest = member, rest[1:]
    return command, rest


def options_of(command: click.Command) -> set[str]:
    """Every spelling of every option that the command takes."""
    params = command.get_params(click.Context(command))
    return {
        name for param in params if isinstance(param, click.Option) for name in (*param.opts, *param.secondary_opts)
    }


def every_option() -> set[str]:
    def walk(command: click.Command) -> set[str]:
        found = options_of(command)
        if isinstance(command, click.Group):
            members = (
                command.get_command(click.Context(command), name)
                for name in command.list_commands(click.Context(command))
            )
            found = found.union(*(walk(member) for member in members if member))
        return found

    return walk(cli)


def check(words: list[str]) -> None:
    command, rest = find_command(words)
    known = options_of(command)
    for word in rest:
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            assert name in known, f"`{' '.join(words)}` gives the option {name}, which does not exist"


@PAGES
def test_commands_and_options_exist(page):
    for block in blocks(page):
        for words in commands(block.shell):
            check(words)
    for span in code_spans(page):
        if span.startswith("gpa-mlx "):
            for words in commands(span.replace("...", "")):
                check(words)


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page.parent in {ROOT / "docs", ROOT / "docs/how-to"} or page == README],
    ids=described,
)
def test_options_in_running_text_exist(page):
    known = every_option()
    elsewhere = {"--only"}  # of tests/bench/compare_reference.py
    named = {word.partition("=")[0] for span in code_spans(page) for word in span.split() if word.startswith("--")}
    assert named <= known | elsewhere


@PAGES
def test_links_lead_somewhere(page):
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https"
            assert "." in parts.netloc
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        is_made = parts.path in MADE or parts.path.removeprefix("../") in MADE or "pictures/" in parts.path
        if is_made and not target.exists():
            assert page.is_relative_to(ROOT / "docs")
            continue
        assert target.exists(), link
        if parts.fragment:
            assert parts.fragment in anchors(target), link


def test_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150


def test_readme_leads_to_every_page_of_the_guide():
    linked = {(ROOT / urlsplit(link).path).resolve() for link in links(README)}
    assert set((ROOT / "docs/how-to").glob("*.md")) <= linked


def test_readme_shows_a_command_to_try():
    shown = next(block for block in blocks(README) if block.shell)
    assert "gpa-mlx transcribe" in shown.shell
    assert len(shown.shell.splitlines()) == 1


def test_readme_shows_a_test_command():
    about_tests = [block.shell for block in blocks(README) if block.shell and "test" in block.heading.lower()]
    assert about_tests
    assert "pytest" in about_tests[0]
    assert len(about_tests[0].splitlines()) == 1


@PAGES
def test_files_that_are_named_exist(page):
    named = {
        span
        for span in code_spans(page)
        if re.fullmatch(r"(gpa_mlx|convert|tui|tests|docs|\.ci|\.github)(/[\w.-]+)+/?", span)
    }
    assert {path for path in named if not (ROOT / path).exists()} == set()


@PAGES
def test_names_from_the_code_exist(page):
    named = {span for span in code_spans(page) if re.fullmatch(r"gpa_mlx(_convert|_tui)?(\.\w+)+(?<!\.json)", span)}
    assert {name for name in named if not exists_in_the_code(name)} == set()


def exists_in_the_code(name: str) -> bool:
    """Whether a dotted name is a module, or something a module has under that name; nothing is imported."""
    package, *rest = name.split(".")
    path = {"gpa_mlx": ROOT, "gpa_mlx_convert": ROOT / "convert", "gpa_mlx_tui": ROOT / "tui"}[package] / package
    while rest and (path / rest[0]).is_dir():
        path /= rest.pop(0)
    module = path / "__init__.py"
    if rest and (path / f"{rest[0]}.py").is_file():
        module = path / f"{rest.pop(0)}.py"
    return module.is_file() and all(re.search(rf"\b{word}\b", module.read_text(encoding="utf-8")) for word in rest)


MEASURED = re.compile(r"(?<![\w.])\d[\d.,]*(?:x| (?:MB|GB|GB/s|%|dB|WER|CER|tokens?))(?!\w)")


def test_no_figure_stands_in_two_places():
    places: dict[str, set[str]] = {}
    for page in pages():
        if page.name != "CHANGELOG.md":
            for figure in MEASURED.findall(without_blocks(page.read_text(encoding="utf-8"))):
                places.setdefault(figure, set()).add(described(page))
    assert {figure: found for figure, found in places.items() if len(found) > 1} == {}


@PAGES
def test_make_knows_what_pages_ask_of_it(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = re.findall(r"(?:^|`|&& )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(asked) <= targets
