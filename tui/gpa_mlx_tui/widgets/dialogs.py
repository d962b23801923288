"""Questions that must be answered before anything else: yes or no, one of several, the name of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import DirectoryTree, Input, Label, OptionList
from textual.widgets.option_list import Option

from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.services.kept_state import kept_text
from gpa_mlx_tui.services.typed_paths import typed_path, typed_paths
from gpa_mlx_tui.themes import ASCII, style_scrollbars, symbols_of
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.file_fields import PathInput
from gpa_mlx_tui.widgets.pane_size import note_pane_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.events import Key, Resize

T = TypeVar("T")

_FOLDERS = "folders"
"""Under this name the folder is kept for the next start."""

Purpose: TypeAlias = Literal["open", "save", "folder"]


class Dialog(ModalScreen[T]):
    """A screen on top of the mode, which Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def on_mount(self) -> None:
        """Set the scroll bars right."""
        if symbols_of(self.app) is ASCII:
            style_scrollbars(self, ascii_only=True)

    def on_resize(self, event: Resize) -> None:
        """Fit small panes."""
        note_pane_size(self, event.size)


class Confirm(Dialog[bool]):
    """Asks yes or no; gives True, False, or None for Escape. Arrows move between the buttons, `y` and `n` answer.

    Args:
        question: One sentence; more lines may follow.
        yes: The word on the button that does it.
        no: The word on the other one, which is chosen by default.
        destroys: Something is gone after yes: its button is red.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", show=False),
        Binding("n", "dismiss(False)", "No", show=False),
        Binding("left,up", "app.focus_previous", "Other", show=False),
        Binding("right,down", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, question: str, *, yes: str = "Yes", no: str = "No", destroys: bool = False) -> None:
        super().__init__()
        self._question, self._yes, self._no, self._destroys = question, yes, no, destroys

    def compose(self) -> ComposeResult:
        """Lay out the question and two buttons."""
        with Vertical(classes="dialog"):
            yield Label(self._question, classes="question", markup=False)
            with Horizontal(classes="row"):
                yield Button(self._no, id="no")
                yield Button(self._yes, id="yes", variant="error" if self._destroys else "primary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")


class Choose(Dialog[int]):
    """Asks for one of several things; typing narrows them down. Gives its index, or None for Escape.

    Args:
        title: What is chosen.
        names: What there is.
        about: A line for each of them; may be empty strings.
        current: The index that is chosen at first.
    """

    def __init__(self, title: str, names: Sequence[str], about: Sequence[str] = (), current: int = 0) -> None:
        super().__init__()
        self._title, self._names, self._current = title, list(names), current
        self._about = list(about) or [""] * len(self._names)

    def compose(self) -> ComposeResult:
        """Lay out a field and a list."""
        with Vertical(classes="dialog"):
            yield Label(self._title, classes="question", markup=False)
            yield Input(placeholder="type to search", id="search", compact=True)
            yield OptionList(id="options", compact=True, markup=False)

    def on_mount(self) -> None:
        """Show everything."""
        self._list("")
        self.query_one(OptionList).highlighted = self._current if self._names else None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what matches."""
        self._list(event.value)

    def on_input_submitted(self) -> None:
        """Take what is highlighted."""
        self.query_one(OptionList).action_select()

    def on_key(self, event: Key) -> None:
        """Move in the list while typing in the field."""
        if event.key in ("up", "down") and isinstance(self.focused, Input):
            options = self.query_one(OptionList)
            (options.action_cursor_up if event.key == "up" else options.action_cursor_down)()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(int(str(event.option.id)))

    def _list(self, words: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        for index, (name, about) in enumerate(zip(self._names, self._about, strict=True)):
            if words.lower() in f"{name} {about}".lower():
                options.add_option(Option(f"{name}  {about}".rstrip(), id=str(index)))
        if options.option_count:
            options.highlighted = 0


class PathPicker(Dialog[Path]):
    """Asks for a file or a folder: type its path, drop it, or find it in the tree. Gives a `Path`, or None for Escape.

    Args:
        title: What it is for.
        purpose: `open` takes a file that exists, `save` any name and asks before it replaces a file, `folder` a folder
            that exists.
        start: The name that is there at first; its folder is where the tree begins.
        suffixes: The tree shows only files that end so; empty: all files.
        writes: The files that will be written when a path is taken to `save`.
        several: Takes the paths when several are typed or dropped; None asks for one.
    """

    def __init__(
        self,
        title: str,
        purpose: Purpose,
        start: Path,
        *,
        suffixes: Sequence[str] = (),
        writes: Callable[[Path], Sequence[Path]] = lambda path: (path,),
        several: Callable[[Sequence[Path]], object] | None = None,
    ) -> None:
        super().__init__()
        self._several = several
        self._title, self._purpose, self._start = title, purpose, start
        self._suffixes, self._writes = tuple(suffixes), writes

    def compose(self) -> ComposeResult:
        """Lay out a field, a line for what is wrong, and a tree; it begins in the folder that was used last."""
        last = Path(kept_text(app_services(self).kept.of(_FOLDERS), "last"))
        if last.is_absolute() and last.is_dir():
            if self._start == Path.cwd():
                self._start = last
            elif self._start.parent == Path.cwd():
                self._start = last / self._start.name
        folder = self._start if self._start.is_dir() else self._start.parent
        value = "" if self._start.is_dir() else str(self._start)
        with Vertical(classes="dialog wide"):
            yield Label(self._title, classes="question", markup=False)
            yield PathInput(value, placeholder="type or drop a path, or choose below", id="path", compact=True)
            yield Label("", id="problem", markup=False)
            yield _Tree(folder, self._suffixes, only_folders=self._purpose == "folder")

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """Take a file that is opened, or the name of one that may be replaced."""
        if self._purpose == "open":
            self._take(event.path)
        else:
            self.query_one("#path", Input).value = str(event.path)
            self.query_one("#path", Input).focus()

    def on_directory_tree_directory_selected(self, event: DirectoryTree.DirectorySelected) -> None:
        """Note the folder."""
        field = self.query_one("#path", Input)
        if self._purpose == "save":
            field.value = str(event.path / Path(field.value or self._start.name).name)
        elif self._purpose == "folder":
            field.value = str(event.path)

    def on_input_changed(self) -> None:
        """A new name may be right."""
        self.query_one("#problem", Label).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the path, or say what is wrong with it."""
        if not event.value.strip():
            return
        path = typed_path(event.value)
        if path is None:
            self._take_several(typed_paths(event.value))
            return
        problem = self._problem(path)
        if problem:
            self.query_one("#problem", Label).update(problem)
        elif self._purpose == "save" and (there := [file.name for file in self._writes(path) if file.exists()]):
            self._ask(path, " and ".join(there))
        else:
            self._take(path)

    def _take(self, path: Path) -> None:
        """Answer, and begin in the same folder the next time."""
        folder = path if self._purpose == "folder" else path.parent
        app_services(self).kept.put(_FOLDERS, {"last": str(folder.absolute())})
        self.dismiss(path)

    def _take_several(self, paths: Sequence[Path]) -> None:
        """Take all of them, if that is wanted and nothing is wrong with any."""
        problem = next((problem for path in paths if (problem := self._problem(path))), "")
        if self._several is None:
            problem = problem or f"These are {len(paths)} paths, and only one can be taken here."
        if problem:
            self.query_one("#problem", Label).update(problem)
        elif self._several is not None:
            self.dismiss(None)
            self._several(paths)

    def _ask(self, path: Path, names: str) -> None:
        def answer(yes: bool | None) -> None:
            if yes:
                self._take(path)

        self.app.push_screen(Confirm(f"Replace {names}?", yes="Replace", no="Keep", destroys=True), answer)

    def _problem(self, path: Path) -> str:
        if self._purpose == "folder":
            return "" if path.is_dir() else f"{path} is not a folder."
        if path.is_dir():
            return f"{path} is a folder."
        if self._purpose == "open" and not path.exists():
            return f"{path} does not exist."
        if self._purpose == "save" and not path.parent.is_dir():
            return f"The folder {path.parent} does not exist."
        return ""


class _Tree(DirectoryTree):
    def __init__(self, folder: Path, suffixes: tuple[str, ...], *, only_folders: bool) -> None:
        super().__init__(folder)
        self.show_guides = False
        self._suffixes = suffixes
        self._only_folders = only_folders

    def on_mount(self) -> None:
        symbols = symbols_of(self.app)
        self.ICON_NODE, self.ICON_NODE_EXPANDED, self.ICON_FILE = f"{symbols.closed} ", f"{symbols.more} ", "  "

    def filter_paths(self, paths: Iterable[Path]) -> list[Path]:
        """Leave out hidden files and those of other kinds."""
        return [path for path in paths if self._is_wanted(path)]

    def _is_wanted(self, path: Path) -> bool:
        if path.name.startswith("."):
            return False
        if path.is_dir():
            return True
        return not self._only_folders and (not self._suffixes or path.suffix.lower() in self._suffixes)
