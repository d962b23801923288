// A recording in another voice, compared with itself.

import { byId, fileName, label, save, tell } from "./dom.js";
import { Player, openOutput } from "./player.js";
import { isCancelled } from "./server.js";
import { Source } from "./source.js";
import { newSeed, speechForm, streamSpeech } from "./speech.js";
import { keepEntry, newId } from "./store.js";

const notice = byId("convert-notice");

let source = null;
let player = null;
let cancel = null;
let made = null;

export function startConvert() {
  source = new Source({ place: byId("convert-source"), zone: byId("convert") });
  player = new Player(byId("convert-player"));
  byId("convert-go").addEventListener("click", () => (cancel ? cancel.abort() : convert()));
  byId("convert-ab").addEventListener("change", (event) => player.choose(Number(event.target.value)));
  byId("convert-wav").addEventListener("click", () => save(made.stream.blob(), fileName(made.name, ".wav")));
}

function busy(isOn) {
  label(byId("convert-go"), isOn ? "stop" : "convert", isOn ? "Stop" : "Convert");
  byId("convert-wav").disabled = isOn || !made;
}

async function convert() {
  if (source.recorder) return tell(notice, "Stop the recording first.", { kind: "info" });
  if (!source.file) return tell(notice, "Record something first, or choose a file.", { kind: "info" });
  tell(notice, "");
  cancel = new AbortController();
  const form = new FormData();
  form.append("file", source.file, source.file.name);
  if (byId("convert-voice").value) form.append("voice", byId("convert-voice").value);
  form.append("seed", newSeed());
  for (const [name, value] of Object.entries(speechForm)) form.append(name, value);
  const name = source.file.name;
  made = null;
  busy(true);
  byId("convert-result").hidden = false;
  byId("convert-title").textContent = "";
  byId("convert-ab").hidden = byId("convert-ab-hint").hidden = !source.samples;
  player.clear();
  player.note("Making…");
  if (source.samples) player.load(source.samples, 0);
  byId("convert-ab").querySelector("[value='1']").checked = true;
  player.choose(1);
  try {
    openOutput();
    const { stream, error } = await streamSpeech("v1/audio/conversions", { form, signal: cancel.signal }, player, {
      track: 1,
      onBegin: ({ voice }) => {
        byId("convert-title").textContent = `${name}, said by ${voice}`;
        player.play();
        byId("convert-result").scrollIntoView({ block: "nearest", behavior: "smooth" });
      },
    });
    player.note(error ? "Broken off" : "");
    if (stream.length) made = { name: byId("convert-title").textContent, stream };
    if (error && !isCancelled(error)) tell(notice, error.message, { action: "Try again", act: convert });
    if (!error) await keepEntry({ id: newId(), kind: "conversion", at: Date.now(), text: made?.name ?? name, wav: stream.blob() });
  } catch (error) {
    byId("convert-result").hidden = true;
    if (!isCancelled(error)) tell(notice, error.message, { action: "Try again", act: convert });
  } finally {
    cancel = null;
    busy(false);
  }
}
