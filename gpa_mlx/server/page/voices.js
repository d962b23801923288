// Voices: which there are, and new ones with a coach.

import { ask, byId, label, make, tell, toast } from "./dom.js";
import { Player, openOutput } from "./player.js";
import { isCancelled, request, whenThere } from "./server.js";
import { newSeed, speechForm, streamSpeech } from "./speech.js";
import { Source } from "./source.js";
import { keepTyped, remember, remembered } from "./store.js";

const SENTENCE_S = 8;

const notice = byId("voice-notice");
const selects = ["speak-voice", "convert-voice"].map(byId);

let source = null;
let player = null;
let made = null; // the voice that was tried, and what it was made from
let sentences = [];
let sentence = 0;

export function startVoices() {
  source = new Source({
    place: byId("voice-source"),
    zone: byId("voices"),
    onChange: forget,
    onTime: (seconds) => showSentence(Math.floor(seconds / SENTENCE_S) + sentence),
  });
  player = new Player(byId("voice-player"));
  keepTyped(byId("voice-name"), "voice-name");
  byId("voice-next").addEventListener("click", () => showSentence(++sentence));
  byId("voice-make").addEventListener("click", tryVoice);
  byId("voice-hear").addEventListener("click", hear);
  byId("voice-keep").addEventListener("click", keepVoice);
  for (const select of selects) select.addEventListener("change", () => remember(select.id, select.value));
  whenThere(({ words }) => {
    loadVoices();
    loadSentences();
    byId("voice-try").value ||= words ? `${words.slice(0, 4).join(", ")}.` : "Good morning. This is how I sound.";
  });
}

/** The server has the sentences, in English and Chinese; who reads Chinese gets these first. */
async function loadSentences() {
  const { en, zh } = await (await request("page/reading.json", { quiet: true })).json();
  const both = [en.map((text) => ({ text, lang: "en" })), zh.map((text) => ({ text, lang: "zh" }))];
  sentences = (navigator.language.startsWith("zh") ? both.reverse() : both).flat();
  showSentence(0);
}

function showSentence(number) {
  if (!sentences.length) return;
  const { text, lang } = sentences[number % sentences.length];
  Object.assign(byId("voice-sentence"), { textContent: text, lang });
}

// --- The list --------------------------------------------------------------------------------------------------

export async function loadVoices() {
  let voices;
  try {
    voices = (await (await request("v1/voices", { quiet: true })).json()).data;
  } catch {
    return; // the page says already that the server is gone
  }
  for (const select of selects) {
    const chosen = select.value || remembered(select.id);
    const options = voices.map(({ id, name, description }) => make("option", { value: id, title: description }, name));
    select.replaceChildren(...options);
    if (voices.some(({ id }) => id === chosen)) select.value = chosen;
  }
  byId("voice-list").replaceChildren(...voices.map(row));
}

function row(voice) {
  const about = voice.is_own ? voice.description || "Made here" : voice.description || "Comes with the model";
  const buttons = voice.is_own
    ? [make("button", { type: "button", class: "button small", onclick: () => remove(voice), "aria-label": `Remove ${voice.name}` }, "Remove")]
    : [];
  return make("li", {}, make("div", { class: "list-text" }, make("strong", {}, voice.name), make("span", { class: "muted small" }, about)), ...buttons);
}

async function remove(voice) {
  if (!(await ask(`Remove the voice ${voice.name}?`, "It is removed from this computer for good. Speech that was made with it stays.", "Remove"))) return;
  try {
    await request(`v1/voices/${encodeURIComponent(voice.id)}`, { method: "DELETE" });
    toast(`${voice.name} is removed.`);
  } catch (error) {
    tell(notice, error.message);
  }
  loadVoices();
}

// --- A new one -------------------------------------------------------------------------------------------------

function forget() {
  made = null;
  byId("voice-result").hidden = true;
  tell(notice, "");
}

function missing(words, field) {
  tell(notice, words, { kind: "info" });
  field?.focus();
}

function form(keep) {
  const data = new FormData();
  data.append("name", byId("voice-name").value.trim());
  data.append("consent", "i_have_the_right");
  data.append("keep", String(keep));
  data.append("file", source.file, source.file.name);
  return data;
}

function isComplete() {
  if (source.recorder) return missing("Stop the recording first.");
  if (!source.file) return missing("Record the voice first, or choose a file.");
  if (/[/\\]/.test(byId("voice-name").value)) return missing("A name has no slashes.", byId("voice-name"));
  if (!byId("voice-name").value.trim()) return missing("Give the voice a name.", byId("voice-name"));
  if (!byId("voice-consent").checked) return missing("Say first that this voice may be used.", byId("voice-consent"));
  return true;
}

async function working(button, words, act) {
  const before = button.textContent;
  button.disabled = true;
  button.textContent = words;
  tell(notice, "");
  try {
    await act();
  } catch (error) {
    if (!isCancelled(error)) tell(notice, error.message, { action: "Try again", act: () => button.click() });
  } finally {
    button.disabled = false;
    button.textContent = before;
  }
}

function tryVoice() {
  if (!isComplete()) return;
  forget();
  working(byId("voice-make"), "Listening to it…", async () => {
    made = await (await request("v1/voices", { form: form(false) })).json();
    player.clear();
    coach(made);
    byId("voice-result").hidden = false;
    byId("voice-result").focus();
    byId("voice-result").scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
}

function score(name, words, share) {
  const meter = share == null ? [] : [make("meter", { min: 0, max: 1, low: 0.3, high: 0.6, optimum: 1, value: share, "aria-label": name })];
  const percent = share == null ? [] : [make("span", { class: "muted small" }, ` ${Math.round(100 * share)}%`)];
  return make("div", {}, make("dt", {}, name), make("dd", {}, words, ...percent, ...meter));
}

function coach({ quality, verdict, similarity, likeness, start, end, advice }) {
  byId("voice-scores").replaceChildren(
    score("The recording is", verdict, quality / 100),
    score("Its speech sounds", likeness ?? "unknown", similarity),
    score("Made from", `${start.toFixed(1)} to ${end.toFixed(1)} s`),
  );
  byId("voice-advice").replaceChildren(
    ...advice.map(({ topic, grade, words }) => make("li", { "data-grade": grade }, make("b", {}, `${topic}: `), words)),
  );
}

function hear() {
  const input = byId("voice-try").value.trim();
  if (!made || !input) return missing("Write what it shall say.", byId("voice-try"));
  openOutput();
  working(byId("voice-hear"), "Speaking…", async () => {
    player.clear();
    const json = { input, voice: { card: made.card }, seed: newSeed(), ...speechForm };
    const { error } = await streamSpeech("v1/audio/speech", { json }, player, {
      onBegin: ({ unknown }) => {
        player.note(unknown ? `Not known: ${unknown}` : "");
        player.play();
      },
    });
    if (error) throw error;
  });
}

function keepVoice() {
  if (!isComplete()) return;
  working(byId("voice-keep"), "Keeping it…", async () => {
    const kept = await (await request("v1/voices", { form: form(true) })).json();
    for (const id of selects.map((select) => select.id)) remember(id, kept.id);
    for (const select of selects) select.replaceChildren();
    await loadVoices();
    forget();
    byId("voice-name").value = "";
    remember("voice-name", "");
    byId("voice-consent").checked = false;
    tell(notice, `${kept.name} is kept: choose it in Speak and Convert.`, { kind: "good" });
  });
}
