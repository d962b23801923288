// Text into speech.

import { byId, fileName, label, save, takesFiles, tell, toast } from "./dom.js";
import { Player, openOutput } from "./player.js";
import { isCancelled, request, whenThere } from "./server.js";
import { newSeed, speechForm, streamSpeech } from "./speech.js";
import { keepEntry, keepTyped, newId, remember, remembered } from "./store.js";

const MOST_TEXT_BYTES = 1_000_000;

const field = byId("speak-text");
const notice = byId("speak-notice");
const speed = byId("speak-speed");
const player = new Player(byId("speak-player"));

let cancel = null;
let made = null; // what was asked for, and its sound

export function startSpeak() {
  whenThere(({ words }) => {
    byId("speak-words").hidden = !words;
    byId("speak-words").textContent = words ? `This model knows ${words.length} words: ${words.join(", ")}.` : "";
  });
  keepTyped(field, "speak-text");
  speed.value = remembered("speak-speed", "1");
  showSpeed();
  speed.addEventListener("input", showSpeed);
  byId("speak-go").addEventListener("click", () => (cancel ? cancel.abort() : speak()));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!cancel) speak();
    }
  });
  takesFiles(byId("speak"), document.createElement("input"), readText);
  byId("speak-wav").addEventListener("click", () => save(made.stream.blob(), fileName(made.question.input, ".wav")));
  byId("speak-mp3").addEventListener("click", saveMp3);
}

function showSpeed() {
  byId("speak-speed-text").textContent = `${Number(speed.value).toFixed(2).replace(/0$/, "")}×`;
  speed.style.setProperty("--done", `${(100 * (speed.value - speed.min)) / (speed.max - speed.min)}%`);
  remember("speak-speed", speed.value);
}

async function readText(file) {
  if (file.size > MOST_TEXT_BYTES || !/^text\/|^$/.test(file.type)) return tell(notice, `${file.name} is not a file of text.`);
  setText(await file.text());
}

/** Put a text into the field; the former one can be put back. */
export function setText(text) {
  const former = field.value;
  const put = (words) => {
    field.value = words;
    remember("speak-text", words);
  };
  put(text);
  field.focus();
  if (former.trim() && former !== text) {
    tell(notice, "The text was replaced.", { kind: "info", action: "Put the former one back", act: () => { put(former); tell(notice, ""); } });
  }
}

function busy(isOn) {
  label(byId("speak-go"), isOn ? "stop" : "play", isOn ? "Stop" : "Speak");
  byId("speak-wav").disabled = byId("speak-mp3").disabled = isOn || !made;
}

async function speak() {
  const input = field.value.trim();
  if (!input) {
    tell(notice, "Write what is to be said first.", { kind: "info" });
    return field.focus();
  }
  tell(notice, "");
  cancel = new AbortController();
  const voice = byId("speak-voice").value;
  const question = { input, voice: voice ? { id: voice } : undefined, speed: Number(speed.value), seed: newSeed() };
  byId("speak-result").hidden = false;
  byId("speak-unknown").hidden = true;
  byId("speak-title").textContent = "";
  made = null;
  busy(true);
  player.clear();
  player.note("Making…");
  try {
    openOutput();
    const { stream, error } = await streamSpeech("v1/audio/speech", { json: { ...question, ...speechForm }, signal: cancel.signal }, player, {
      onBegin: ({ voice: name, unknown }) => {
        byId("speak-title").textContent = `Said by ${name}`;
        showUnknown(unknown);
        player.play();
        byId("speak-result").scrollIntoView({ block: "nearest", behavior: "smooth" });
      },
    });
    player.note(error ? "Broken off" : "");
    if (stream.length) made = { question, stream };
    if (error && !isCancelled(error)) tell(notice, error.message, { action: "Try again", act: speak });
    if (!error) await keepEntry({ id: newId(), kind: "speech", at: Date.now(), text: input, voice: byId("speak-title").textContent, wav: stream.blob() });
  } catch (error) {
    byId("speak-result").hidden = true;
    if (!isCancelled(error)) tell(notice, error.message, { action: "Try again", act: speak });
  } finally {
    cancel = null;
    busy(false);
  }
}

function showUnknown(words) {
  const place = byId("speak-unknown");
  place.hidden = !words;
  place.textContent = words ? `The model does not know: ${words}. It said the rest.` : "";
}

/** The same speech again as MP3: the seed makes it the same. */
async function saveMp3() {
  const { question } = made;
  byId("speak-mp3").disabled = true;
  toast("Making the MP3…");
  try {
    const answer = await request("v1/audio/speech", { json: { ...question, response_format: "mp3" } });
    save(await answer.blob(), fileName(question.input, ".mp3"));
  } catch (error) {
    tell(notice, error.message);
  } finally {
    byId("speak-mp3").disabled = false;
  }
}
