"""The page in a real browser, with a microphone that says "three off", on the demo model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.files.tagged_content import read_content
from gpa_mlx.server.application import SOCKETS
from gpa_mlx.server.options import Limits, ServerOptions
from gpa_mlx.voices.consent import CONSENT_QUESTION
from gpa_mlx.voices.library import VoiceLibrary
from tests.server.conftest import THREE_OFF, running
from tests.support.browser import CHROMIUM, Browser, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

TABS = ("transcribe", "speak", "voices", "convert", "history")
HAS_REALTIME = "/v1/realtime" in {route.path for route in SOCKETS}
GONE = "The server does not answer"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("browser")
    audio, rate = soundfile.read(THREE_OFF)
    soundfile.write(folder / "microphone.wav", np.concatenate([np.zeros(rate // 4), audio, np.zeros(rate)]), rate)
    found = Browser(folder, folder / "microphone.wav")
    yield found
    found.close()


SCRIPTED_SOCKET = """
window.WebSocket = class {
  static OPEN = 1;
  constructor(address, protocols) {
    Object.assign(this, { address, protocols, readyState: 0, sent: [] });
    window.socket = this;
    setTimeout(() => { this.readyState = 1; this.onopen(); });
  }
  tell(type, more) { this.onmessage({ data: JSON.stringify({ type, ...more }) }); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.readyState = 3; }
};
"""
"""A live connection that says what a test wants."""


@pytest.fixture
def page(browser: Browser, address: str, tmp_path: Path) -> Iterator[Page]:
    """The page of the demo model's server. What goes wrong in it, and who else it asks, fails the test."""
    with browser.page() as opened:
        opened.downloads_to(tmp_path)
        if not HAS_REALTIME:
            opened.prepare(SCRIPTED_SOCKET)
        opened.open(address)
        opened.wait("document.getElementById('server').dataset.state === 'ready'")
        yield opened
        assert opened.errors == []
        here = re.compile(re.escape(address).replace("http", "(http|ws)", 1) + "/|blob:")
        assert [asked for asked in opened.requests if not here.match(asked)] == []


def enabled(selector: str) -> str:
    return f"!document.querySelector('{selector}').disabled"


def saved(page: Page, folder: Path, button: str, suffix: str) -> Path:
    """Press a button that saves a file, and return the file."""
    before = set(folder.iterdir())
    page.click(button)
    page.wait_for(lambda: [file for file in set(folder.iterdir()) - before if file.suffix == suffix])
    (file,) = (file for file in set(folder.iterdir()) - before if file.suffix == suffix)
    return file


def record(page: Page, button: str, clock: str) -> None:
    """Record until the microphone has said its words."""
    page.click(button)
    page.says(clock, "0:02")
    page.click(button)


ITEM = "conversation.item.input_audio_transcription"


@pytest.fixture
def scripted(browser: Browser, address: str, tmp_path: Path) -> Iterator[Page]:
    """The page on a live connection that says what the test wants."""
    with browser.page() as opened:
        opened.downloads_to(tmp_path)
        opened.prepare(SCRIPTED_SOCKET)
        opened.open(address)
        opened.click("#record")
        opened.wait("window.socket?.sent.some(({ type }) => type === 'input_audio_buffer.append')")
        yield opened
        assert opened.errors == []


def tell(page: Page, kind: str, **more: object) -> None:
    page.evaluate(f"socket.tell({json.dumps(kind)}, {json.dumps(more)})")


def test_words_that_are_not_confirmed_are_shown_apart(scripted, tmp_path):
    page = scripted
    update = page.evaluate("socket.sent[0]")
    assert (update["type"], update["session"]["type"]) == ("session.update", "transcription")
    assert update["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    tell(page, "input_audio_buffer.speech_started", item_id="a", audio_start_ms=1500)
    tell(page, "gpa.transcription.unconfirmed", item_id="a", text="free")
    assert (page.text("#live-confirmed"), page.text("#live-unconfirmed")) == ("", "free")
    tell(page, f"{ITEM}.delta", item_id="a", delta="three")
    tell(page, "gpa.transcription.unconfirmed", item_id="a", text=" of")
    assert (page.text("#live-confirmed"), page.text("#live-unconfirmed").strip()) == ("three", "of")
    tell(page, f"{ITEM}.delta", item_id="a", delta=" off")
    tell(page, "input_audio_buffer.speech_stopped", item_id="a", audio_end_ms=2750)
    tell(page, "input_audio_buffer.committed", item_id="a")
    tell(page, f"{ITEM}.completed", item_id="a", transcript="Three off.")
    tell(page, "input_audio_buffer.speech_started", item_id="b", audio_start_ms=4000)
    tell(page, f"{ITEM}.delta", item_id="b", delta="go")
    assert (page.text("#live-confirmed"), page.text("#live-unconfirmed")) == ("Three off. go", "")
    page.click("#record")
    page.wait("socket.sent.at(-1).type === 'input_audio_buffer.commit'")
    tell(page, "input_audio_buffer.committed", item_id="b")
    assert page.evaluate("document.querySelector('#transcript-text').hidden")
    tell(page, f"{ITEM}.completed", item_id="b", transcript="Go on.")
    page.shows("#transcript-text")
    assert page.value("#transcript-text") == "Three off. Go on."
    subtitles = saved(page, tmp_path, "#transcript-srt", ".srt").read_text()
    assert subtitles.startswith("1\n00:00:01,500 --> 00:00:02,750\nThree off.\n\n2\n00:00:04,000 --> ")


@pytest.mark.parametrize("breaks_off", [True, False], ids=["connection", "sentence"])
def test_recording_is_transcribed_as_a_whole_when_live_text_fails(scripted, breaks_off):
    page = scripted
    tell(page, f"{ITEM}.delta", item_id="a", delta="nonsense")
    if breaks_off:
        page.evaluate("socket.onclose({ reason: '' })")
        page.says("#transcribe-notice", "You are being recorded all the same")
    else:
        tell(page, f"{ITEM}.failed", item_id="a", error={"message": "The model failed."})
    page.says("#record-hint", "0:02")
    page.click("#record")
    if not breaks_off:
        page.wait("socket.sent.at(-1).type === 'input_audio_buffer.commit'")
        tell(page, "error", error={"code": "input_audio_buffer_commit_empty", "message": "There is nothing."})
    page.shows("#transcript-text")
    assert page.value("#transcript-text") == "three off"


@pytest.mark.skipif(not HAS_REALTIME, reason="the server has no live transcription")
def test_words_appear_while_one_speaks(page, tmp_path):
    page.click("#record")
    page.says("#live", "three off")
    page.says("#record-hint", "0:02")
    page.click("#record")
    page.shows("#transcript-text")
    assert page.value("#transcript-text") == "three off"
    page.write("#transcript-text", " and on")
    assert saved(page, tmp_path, "#transcript-txt", ".txt").read_text() == "three off and on\n"
    subtitles = saved(page, tmp_path, "#transcript-srt", ".srt").read_text()
    assert re.fullmatch(r"1\n00:00:0\d,\d{3} --> 00:00:0[12],\d{3}\nthree off and on\n", subtitles)
    sound = soundfile.info(saved(page, tmp_path, "#transcript-wav", ".wav"))
    assert sound.samplerate == 24_000
    assert sound.duration > 1.9
    page.click("#transcript-speak")
    assert page.value("#speak-text") == "three off and on"
    page.click("#tab-history")
    page.says("#history-list", "three off and on")


def test_file_is_transcribed_and_its_name_is_only_text(page, tmp_path):
    hostile = tmp_path / "<img src=x onerror=alert(1)>.wav"
    hostile.write_bytes(THREE_OFF.read_bytes())
    page.choose_file("#transcribe-file", hostile)
    page.shows("#transcript-text")
    assert page.value("#transcript-text") == "three off"
    assert "three off" in saved(page, tmp_path, "#transcript-srt", ".srt").read_text()
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16_000), 16_000)
    page.choose_file("#transcribe-file", silent)
    page.says("#transcribe-notice", "it is silent, every sample is zero")
    broken = tmp_path / "<b>broken.wav"
    broken.write_bytes(b"no sound at all")
    page.choose_file("#transcribe-file", broken)
    page.says("#transcribe-notice", "<b>broken.wav")
    assert page.evaluate("document.querySelectorAll('main img, main #transcribe-notice b').length") == 0


def test_speech_is_heard_while_it_is_made_and_saved(page, tmp_path):
    page.click("#tab-speak")
    page.says("#speak-words", "This model knows 20 words: zero")
    page.write("#speak-text", "one two banana <b>three</b> é")
    page.evaluate("document.querySelector('#speak-voice').value = 'slt'")
    page.press("Enter", control=True)
    page.says("#speak-unknown", "banana")
    assert "é" in page.text("#speak-unknown")
    page.says("#speak-title", "Said by slt")
    page.wait(enabled("#speak-wav"))
    file = saved(page, tmp_path, "#speak-wav", ".wav")
    assert any("synthetic speech by gpa-mlx" in text for text in read_content(file).info.values())
    sound, rate = soundfile.read(file)
    assert rate == 24_000
    assert np.abs(sound).max() > 0.05
    compressed = load_recording(saved(page, tmp_path, "#speak-mp3", ".mp3"))
    assert abs(compressed.duration_s - len(sound) / rate) < 0.2
    page.wait("document.querySelector('#speak-player [data-part=play] span').textContent === 'Play'")
    heard = page.evaluate("document.querySelector('#speak-player [data-part=seek]').value")
    assert heard == "1000"


def test_voice_is_made_heard_kept_and_removed(page):
    page.click("#tab-voices")
    assert CONSENT_QUESTION in page.text(".consent")
    page.says("#voice-sentence", "Yesterday the old boatman")
    page.click("#voice-make")
    page.says("#voice-notice", "Record the voice first")
    record(page, "#voice-source [data-part=record]", "#voice-source .chosen")
    page.says("#voice-source .chosen", "Recorded")
    page.write("#voice-name", "Ada Co-2")
    page.click("#voice-make")
    page.says("#voice-notice", "Say first that this voice may be used")
    page.click("#voice-consent")
    page.click("#voice-make")
    page.says("#voice-scores", "The recording is")
    page.says("#voice-advice", "Noise:")
    assert VoiceLibrary().names() == ()
    page.click("#voice-hear")
    page.wait("document.querySelector('#voice-player [data-part=seek]').value === '1000'")
    page.click("#voice-keep")
    page.says("#voice-notice", "Ada Co-2 is kept")
    page.says("#voice-list", "Ada Co-2")
    page.click("#tab-speak")
    assert page.value("#speak-voice") == "Ada Co-2"
    page.click("#tab-voices")
    page.click("#voice-list button")
    page.says("#ask", "Remove the voice Ada Co-2?")
    page.click("#ask-yes")
    page.wait("!document.querySelector('#voice-list').innerText.includes('Ada')")


def test_recording_is_converted_and_compared_at_the_same_moment(page, tmp_path):
    page.click("#tab-convert")
    page.click("#convert-go")
    page.says("#convert-notice", "Record something first")
    page.choose_file("#convert-source input[type=file]", THREE_OFF)
    page.says("#convert-source .chosen", "slt-three-off.wav, 1.5 s")
    page.evaluate("document.querySelector('#convert-voice').value = 'rms'")
    page.click("#convert-go")
    page.says("#convert-title", "slt-three-off.wav, said by rms")
    page.wait(enabled("#convert-wav"))
    page.click("#convert-ab label:has([value='0'])")
    assert page.evaluate("document.querySelector('[name=ab]:checked').value") == "0"
    page.wait("document.querySelector('#convert-player [data-part=play] span').textContent === 'Play'")
    sound = soundfile.info(saved(page, tmp_path, "#convert-wav", ".wav"))
    assert sound.duration == pytest.approx(soundfile.info(THREE_OFF).duration, abs=0.1)


def test_history_outlives_the_page_and_can_be_emptied(page, address, tmp_path):
    page.click("#tab-speak")
    page.write("#speak-text", "yes no")
    page.click("#speak-go")
    page.wait(enabled("#speak-wav"))
    page.write("#speak-text", " and more")
    page.open("about:blank", wait=False)
    page.open(address)
    page.click("#tab-speak")
    assert page.value("#speak-text") == "yes no and more"
    page.click("#tab-history")
    page.says("#history-list", "yes no")
    page.click("#history-list li button:nth-child(2)")
    page.wait("document.querySelector('#history-player [data-part=seek]').value === '1000'")
    page.click("#history-list li button:first-child")
    page.says("#speak-notice", "The text was replaced.")
    page.click("#speak-notice button")
    assert page.value("#speak-text") == "yes no and more"
    page.click("#tab-history")
    page.click("#history-empty")
    page.click("#ask-yes")
    page.shows("#history-none")
    page.click("#history-keep")
    page.click("#tab-speak")
    page.click("#speak-go")
    page.wait(f"{enabled('#speak-wav')} && document.querySelector('#speak-go span').textContent === 'Speak'")
    page.click("#tab-history")
    page.shows("#history-none")


def test_everything_goes_with_the_keyboard(page):
    focused = "document.activeElement.id || document.activeElement.textContent.trim()"
    page.press("Tab")
    assert page.evaluate(focused) == "Skip to the page"
    page.press("Tab")
    assert page.evaluate(focused) == "tab-transcribe"
    page.press("ArrowRight")
    assert page.evaluate(focused) == "tab-speak"
    page.press("Tab")
    assert page.evaluate(focused) == "speak-text"
    page.call("Input.insertText", text="go")
    seen = []
    while page.evaluate(focused) != "speak-go":
        page.press("Tab")
        seen.append(page.evaluate(focused))
        assert len(seen) < 10
    assert seen == ["speak-voice", "speak-speed", "speak-go"]
    page.press("Enter")
    page.wait(enabled("#speak-wav"))
    for _ in range(3):
        page.press("Tab", shift=True)
    assert page.evaluate(focused) == "speak-text"
    page.press("Tab", shift=True)
    page.press("ArrowLeft")
    page.press("Tab")
    assert page.evaluate(focused) == "record"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.press(" ")
    page.says("#record-hint", "0:02")
    page.press(" ")
    page.shows("#transcript-text")
    assert page.value("#transcript-text") == "three off"


def test_everything_has_a_name_for_screen_readers(page):
    for tab in TABS:
        page.click(f"#tab-{tab}")
        for node in page.call("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            if not node.get("ignored") and role in (
                "button",
                "textbox",
                "combobox",
                "slider",
                "checkbox",
                "radio",
                "tab",
            ):
                assert node["name"].get("value"), (tab, node)
        assert page.evaluate("document.querySelector('[role=tab][aria-selected=true]').id") == f"tab-{tab}"


@pytest.mark.parametrize(("width", "dark"), [(360, True), (1280, False)])
def test_it_fits_and_can_be_read(page, width, dark):
    page.resize(width=width, dark=dark)
    for tab in TABS:
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
        assert page.evaluate(f"({PALE})()") == [], tab


PALE = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255).map(
      (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll("main *, .top *")) {
    if (!element.checkVisibility() || element.disabled || element.matches(".hidden-text")) continue;
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(element.outerHTML.slice(0, 120));
  }
  return found;
}"""
"""Texts whose contrast is below 4.5 to 1."""


@pytest.fixture
def quiet_page(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Open the page of a server that will be gone, or wants a key: errors in the console belong to it."""
    with browser.page() as opened:

        def at(address: str) -> Page:
            opened.open(address)
            return opened

        yield at


def test_nothing_is_lost_when_the_server_goes(quiet_page, demo_engine, tmp_path):
    options = ServerOptions(port=0, limits=Limits(drain_s=1))
    with running(demo_engine, options) as where:
        page = quiet_page(where)
        page.click("#tab-speak")
        page.write("#speak-text", "yes")
        page.wait("document.querySelector('#speak-voice').value")
    page.click("#speak-go")
    page.says("#speak-notice", GONE)
    page.says("#gone", GONE)
    assert page.value("#speak-text") == "yes"
    page.click("#tab-transcribe")
    record(page, "#record", "#record-hint")
    page.says("#transcribe-notice", GONE)
    port = int(where.rpartition(":")[2])
    with running(demo_engine, ServerOptions(port=port, limits=Limits(drain_s=1))):
        page.click("#transcribe-notice button")
        page.shows("#transcript-text")
        assert page.value("#transcript-text") == "three off"
        page.wait("document.querySelector('#gone').hidden")


def test_key_is_asked_for_once_and_used_everywhere(quiet_page, demo_engine):
    options = ServerOptions(port=0, api_key="open sesame", limits=Limits(drain_s=1))
    with running(demo_engine, options) as where:
        page = quiet_page(where)
        page.shows("#key")
        page.write("#key-field", "wrong")
        page.press("Enter")
        page.says("#key-wrong", "The server does not know this key.")
        page.press("Escape")
        page.says("#gone", "This server asks for a key.")
        page.click("#gone button")
        page.write("#key-field", "open sesame")
        page.press("Enter")
        page.wait("document.getElementById('server').dataset.state === 'ready'")
        page.wait("document.querySelector('#speak-voice').options.length === 4")
        page.choose_file("#transcribe-file", THREE_OFF)
        page.shows("#transcript-text")
        assert page.value("#transcript-text") == "three off"


def test_limits_are_told_in_the_server_s_words(quiet_page, demo_engine):
    limits = Limits(upload_bytes=10_000, text_chars=5, drain_s=1)
    with running(demo_engine, ServerOptions(port=0, limits=limits)) as where:
        page = quiet_page(where)
        page.choose_file("#transcribe-file", THREE_OFF)
        page.says("#transcribe-notice", "larger than")
        page.click("#tab-speak")
        page.write("#speak-text", "one two")
        page.click("#speak-go")
        page.says("#speak-notice", "has 7 characters; this server takes 5")
        assert page.value("#speak-text") == "one two"


SUBTITLES = """import("/page/subtitles.js").then(({ corrected }) => corrected(
    [{ start: 0, end: 1, text: "three off" }, { start: 2, end: 3, text: "go on" }, { start: 4, end: 5, text: "你好" }],
    TEXT,
).map(({ start, text }) => [start, text]))"""


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("three off go on 你好", [[0, "three off"], [2, "go on"], [4, "你好"]]),
        ("Three, off! Go\non. 你好。", [[0, "Three, off!"], [2, "Go on."], [4, "你好。"]]),
        ("thirty off please, go on 你们好", [[0, "thirty off please,"], [2, "go on"], [4, "你们好"]]),
        ("go on", [[2, "go on"]]),
        ("entirely other words", [[0, "entirely other words"]]),
        ("", []),
    ],
)
def test_corrected_text_keeps_the_times_of_its_words(page, text, cues):
    assert page.evaluate(SUBTITLES.replace("TEXT", json.dumps(text))) == cues
