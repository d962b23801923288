"""Models: which there are, using, checking, installing and removing them."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from typing import Any, cast

import pytest
from textual.widgets import Input, Static

from gpa_mlx import settings
from gpa_mlx.jobs.models import default_model
from gpa_mlx.model import demo
from gpa_mlx.store import models, paths
from gpa_mlx.text.quantities import readable_size
from gpa_mlx_convert.hub_source import DownloadSurvey
from gpa_mlx_tui.features.models.install_form import InstallForm
from gpa_mlx_tui.features.models.installing import InstallAdvanced, InstallDone, InstallRequest, Meter, install
from gpa_mlx_tui.features.models.survey import describe_survey
from gpa_mlx_tui.services.service import BackgroundTask
from gpa_mlx_tui.widgets.dialogs import Confirm, PathPicker
from gpa_mlx_tui.widgets.rows import Rows
from tests.support.hub_server import FakeHub

SIZES = [(80, 24), (200, 60)]


@pytest.fixture
def second(home):
    """A model called `second` is installed."""
    return shutil.copytree(demo.demo_model(), paths.models_dir() / "second")


@pytest.fixture
def hub(home, small_a, monkeypatch):
    with FakeHub.of_directory(small_a).running() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "5")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
        yield running


async def listed(session, count=1):
    await session.until(lambda: len(session.screen.models) == count and session.screen.query_one(Rows).chosen)


async def choose(session, path):
    session.screen.query_one(Rows).choose(str(path))
    await session.pilot.pause()


def test_models_are_listed_with_their_parts(use, second):
    async def steps(session):
        await listed(session, 2)
        detail = str(session.screen.query_one("#detail", Static).render())
        assert "wav2vec2" in detail
        assert "memory now: 16 MB" in detail
        assert [model.is_default for model in session.screen.models] == [False, True]
        lm = session.screen.models[0].part_bytes("lm")
        assert lm > (demo.demo_model() / "model.safetensors").stat().st_size
        assert lm < session.screen.models[0].size_bytes / 2

    use(steps, mode="models")


def test_another_model_is_used_at_once(use, second):
    opened = []

    async def steps(session):
        await listed(session, 2)
        await choose(session, second)
        await session.press("ctrl+t")
        assert session.app.service.model == second
        assert session.toasts == ["second is used now."]
        await session.until(lambda: opened == [second])
        await session.press("delete")
        assert "in use" in session.toasts[-1]
        assert second.is_dir()

    def open_engine(path):
        opened.append(path)

    use(steps, mode="models", open_engine=open_engine)


def test_the_default_is_chosen(use, second):
    shutil.copytree(second, second.with_name("third"))

    async def steps(session):
        await listed(session, 3)
        await session.press("ctrl+s")
        await session.until(lambda: session.sent(InstallDone))
        assert settings.load_settings(os.environ).settings.model == "demo"
        await session.until(lambda: session.screen.models[0].is_default)
        await choose(session, second)
        await session.press("ctrl+s")
        await session.until(lambda: len(session.sent(InstallDone)) == 2)
        assert default_model(settings.load_settings(os.environ).settings) == "second"
        await session.until(lambda: [model.is_default for model in session.screen.models] == [False, True, False])

    use(steps, mode="models")


def test_damage_is_found(use, second):
    weights = second / "bicodec" / "model.safetensors"

    async def steps(session):
        await listed(session, 2)
        await choose(session, second)
        await session.press("ctrl+l")
        await session.until(lambda: session.sent(InstallDone))
        assert "as they were written" in session.toasts[0]
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
        await session.until(lambda: not session.screen.has_task("install"))
        await session.press("ctrl+l")
        await session.until(lambda: len(session.toasts) == 2)
        assert "bicodec/model.safetensors has another SHA-256" in session.toasts[1]

    use(steps, mode="models")


def test_a_model_is_pulled_and_removed(use, hub):
    async def steps(session):
        await listed(session)
        await session.press("ctrl+r")
        await session.until(lambda: isinstance(session.screen, InstallForm))
        assert session.screen.query_one("#source", Input).value == models.DEFAULT_REPO
        offer = session.screen.query_one("#offer", Static)
        await session.until(lambda: "Licence" in str(offer.render()))
        assert f"Download: {readable_size(sum(map(len, hub.files.values())))}," in str(offer.render())
        assert "Licence: apache-2.0." in str(offer.render())
        session.screen.query_one("#bits", Input).value = "5"
        await session.press("enter")
        assert "Bits are" in str(session.screen.query_one("#problem").render())
        session.screen.query_one("#bits", Input).value = ""
        await session.press("enter")
        await session.until(lambda: session.sent(InstallDone), timeout_s=90)
        assert session.toasts[0].startswith("gpa is installed (")
        assert any(message.share for message in session.sent(InstallAdvanced))
        await listed(session, 2)
        await choose(session, paths.models_dir() / "gpa")
        await session.press("delete")
        await session.until(lambda: isinstance(session.screen, Confirm))
        await session.press("tab", "enter")
        await session.until(lambda: len(session.sent(InstallDone)) == 2, timeout_s=60)
        assert models.installed_models() == ()

    use(steps, mode="models")


def test_what_a_download_takes_is_told_before_it_begins():
    found = DownloadSurvey(
        missing_bytes=1_500_000_000, needed_bytes=3_000_000_000, free_bytes=50_000_000_000, licence="mit"
    )
    words = describe_survey(found)
    assert "1.50 GB, 10 min at 20 Mbit/s or 2 min at 100 Mbit/s" in words
    assert "needs 3.00 GB for a while, 50.00 GB are free" in words
    assert "Licence: mit." in words
    assert "too little" in describe_survey(replace(found, free_bytes=1_000_000))
    assert "its page names none" in describe_survey(replace(found, licence=""))


def test_a_folder_is_converted(use, home, small_a):
    async def steps(session):
        await listed(session)
        await session.press("ctrl+o")
        await session.until(lambda: isinstance(session.screen, PathPicker))
        session.screen.query_one("#path", Input).value = str(small_a)
        await session.press("enter")
        await session.until(lambda: isinstance(session.screen, InstallForm))
        session.screen.query_one("#name", Input).value = "mine"
        await session.press("enter")
        await session.until(lambda: session.sent(InstallDone), timeout_s=90)
        assert models.describe("mine").problem is None

    use(steps, mode="models")


def test_a_pull_that_fails_says_why(use, hub):
    hub.faults["api"] = "404*"

    async def steps(session):
        await listed(session)
        await session.press("ctrl+r", "enter")
        await session.until(lambda: session.toasts, timeout_s=60)
        assert models.DEFAULT_REPO in session.toasts[0]
        assert models.installed_models() == ()

    use(steps, mode="models")


def test_escape_ends_a_pull_at_once_and_its_process_soon(use, hub):
    hub.bytes_per_s = 10_000

    async def steps(session):
        await listed(session)
        await session.press("ctrl+r", "enter")
        await session.until(lambda: any(message.share for message in session.sent(InstallAdvanced)), timeout_s=60)
        worker = next(thread for thread in threading.enumerate() if thread.name == "gpa-mlx install")
        await session.press("escape")
        assert not session.screen.has_task("install")
        await session.until(lambda: not worker.is_alive())
        assert not session.toasts
        assert models.installed_models() == ()

    use(steps, mode="models")


def test_a_meter_tells_the_time_that_is_left():
    class Owner:
        def __init__(self):
            self.messages = []

        def post_message(self, message):
            self.messages.append(message)

    owner, now = Owner(), iter([0.0, 0.01, 2.0, 3.0])
    meter = Meter(BackgroundTask("install", cast("Any", owner)), lambda: next(now))
    for done in (10, 11, 30):
        meter.report("lm", done * 10**6, 50 * 10**6)
    meter.report("lm", 50 * 10**6, 50 * 10**6)
    assert [message.words for message in owner.messages] == [
        "lm: 10 MB of 50 MB",
        "lm: 30 MB of 50 MB, 0:02 left",
        "lm: 50 MB of 50 MB",
    ]


def test_a_process_that_dies_is_noticed(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    task = BackgroundTask("install", cast("Any", None))
    with pytest.raises(Exception, match="ended before it was done"):
        install(task, InstallRequest(task="remove", name="x"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_models_look_right(use, picture, monkeypatch, size, theme):
    # A later look at the memory would bring the folder's name back, which differs from machine to machine.
    monkeypatch.setattr("gpa_mlx_tui.features.models.screen._REFRESH_S", 3600)

    async def steps(session):
        await listed(session)
        await session.rest()
        detail = session.screen.query_one("#detail", Static)
        detail.update(str(detail.render()).replace(str(demo.demo_model()), "the folder of the demo model"))
        await session.pilot.pause()
        assert session.picture() == picture

    use(steps, mode="models", size=size, theme=theme)
