// What was done in this browser.

import { ask, byId, fileName, make, save, toast } from "./dom.js";
import { Player } from "./player.js";
import { emptyHistory, entries, keepsHistory, remember, removeEntry, whenHistoryChanges } from "./store.js";
import { WavStream } from "./wav.js";

const KINDS = { transcript: "Transcript", speech: "Speech", conversion: "Conversion" };

let player = null;

export function startHistory({ showTranscript, speakText }) {
  const keeps = byId("history-keep");
  keeps.checked = keepsHistory();
  keeps.addEventListener("change", () => remember("history", keeps.checked ? "yes" : "no"));
  byId("history-empty").addEventListener("click", async () => {
    if (!(await ask("Empty the history?", "Texts and sound that this browser keeps are removed for good.", "Empty it"))) return;
    await emptyHistory();
    toast("The history is empty.");
  });
  player = new Player(byId("history-player"));
  const show = async () => {
    const found = await entries();
    byId("history-list").replaceChildren(...found.map((entry) => row(entry, { showTranscript, speakText })));
    byId("history-none").hidden = found.length > 0;
    byId("history-empty").disabled = !found.length;
  };
  whenHistoryChanges(show);
  show();
}

function row(entry, { showTranscript, speakText }) {
  const button = (words, act) => make("button", { type: "button", class: "button small", onclick: act, "aria-label": `${words}: ${entry.text.slice(0, 60)}` }, words);
  const when = new Date(entry.at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const buttons = [];
  if (entry.kind === "transcript") buttons.push(button("Open", () => showTranscript(entry)));
  if (entry.kind === "speech") buttons.push(button("Open", () => speakText(entry.text)));
  if (entry.wav) buttons.push(button("Play", () => play(entry)), button("Save", () => save(entry.wav, fileName(entry.text, ".wav"))));
  buttons.push(button("Remove", () => removeEntry(entry.id)));
  const about = [KINDS[entry.kind], entry.voice, when].filter(Boolean).join(" · ");
  return make("li", {}, make("div", { class: "list-text" }, make("span", { class: "excerpt" }, entry.text), make("span", { class: "muted small" }, about)), make("div", { class: "list-buttons" }, ...buttons));
}

async function play(entry) {
  byId("history-player").hidden = false;
  player.clear();
  const starting = player.connect();
  player.load(new WavStream().push(new Uint8Array(await entry.wav.arrayBuffer())));
  await starting;
  player.play();
}
