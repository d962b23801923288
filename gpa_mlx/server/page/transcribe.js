// Speech into text: live from the microphone, or from a file.

import { byId, clock, copy, fileName, save, takesFiles, tell, toast } from "./dom.js";
import { LiveTranscription } from "./realtime.js";
import { Recorder, SILENCE, Wave, canRecord } from "./recorder.js";
import { isCancelled, upload } from "./server.js";
import { keepEntry, newId } from "./store.js";
import { joined, srt } from "./subtitles.js";
import { wavBlob } from "./wav.js";

const notice = byId("transcribe-notice");
const field = byId("transcript-text");
const wave = new Wave(byId("live-wave"), { gap: 64 });

let recorder = null;
let live = null;
let isBusy = false;
let entry = null; // what is shown, as the history keeps it
let recording = null; // the sound of it, if it was recorded here

export function startTranscribe({ speakText }) {
  const button = byId("record");
  button.addEventListener("click", () => (recorder ? stop() : start()));
  takesFiles(byId("transcribe"), byId("transcribe-file"), (file) => {
    if (recorder || isBusy) return toast("One after the other: something is being transcribed.");
    recording = null;
    transcribe(file, file.name);
  });
  byId("transcript-copy").addEventListener("click", () => copy(field));
  byId("transcript-txt").addEventListener("click", () => save(`${field.value.trimEnd()}\n`, fileName(field.value, ".txt"), "text/plain"));
  byId("transcript-srt").addEventListener("click", saveSubtitles);
  byId("transcript-wav").addEventListener("click", () => save(recording, fileName(field.value, ".wav")));
  byId("transcript-speak").addEventListener("click", () => speakText(field.value));
  let keeping = 0;
  field.addEventListener("input", () => {
    fit();
    clearTimeout(keeping);
    keeping = setTimeout(keep, 400);
  });
  addEventListener("pagehide", keep);
  addEventListener("beforeunload", (event) => recorder && event.preventDefault());
  if (!canRecord()) button.disabled = true;
}

/** Show a transcript of the history. */
export function showTranscript(kept) {
  if (recorder || isBusy) return toast("Something is being transcribed.");
  recording = null;
  entry = kept;
  show(kept.text);
}

function keep() {
  if (!entry || field.hidden || (entry.text === field.value && entry.isKept)) return;
  entry = { ...entry, text: field.value, isKept: true };
  keepEntry(entry);
}

function saveSubtitles() {
  const content = srt(entry.segments, field.value);
  if (!content) return toast("There is no text to save.");
  save(content, fileName(field.value, ".srt"), "application/x-subrip");
}

function begin() {
  keep();
  entry = null;
  tell(notice, "");
  byId("transcript").hidden = false;
  field.hidden = byId("transcript-actions").hidden = true;
  byId("live").hidden = false;
  byId("live-confirmed").textContent = byId("live-unconfirmed").textContent = "";
}

/** Write what is confirmed, adding to it where it goes on, so that a screen reader reads only what is new. */
function write(confirmed, unconfirmed = "") {
  const place = byId("live-confirmed");
  const shown = place.textContent;
  if (confirmed !== shown) {
    if (confirmed.startsWith(shown)) place.append(confirmed.slice(shown.length));
    else place.textContent = confirmed;
  }
  const glued = joined(confirmed, unconfirmed);
  byId("live-unconfirmed").textContent = unconfirmed ? glued.slice(confirmed.length) : "";
}

function show(text) {
  byId("transcript").hidden = false;
  byId("live").hidden = byId("transcribe-progress").hidden = true;
  field.hidden = byId("transcript-actions").hidden = false;
  field.value = text;
  byId("transcript-srt").disabled = !entry?.segments?.length;
  byId("transcript-wav").hidden = !recording;
  fit();
}

function fit() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

function finished(text, segments, source, reason = "none of its sounds was taken for speech") {
  entry = { id: newId(), kind: "transcript", at: Date.now(), text, segments, source };
  show(text);
  if (text) keep();
  else tell(notice, `There is no text in it: ${reason}.`, { kind: "info" });
}

// --- Live ------------------------------------------------------------------------------------------------------

function recordButton(isOn) {
  const button = byId("record");
  button.classList.toggle("on", isOn);
  button.querySelector("use").setAttribute("href", isOn ? "#i-stop" : "#i-mic");
  byId("record-label").textContent = isOn ? "Stop" : "Record";
  byId("record-hint").textContent = isOn ? "0:00" : "Record";
}

async function start() {
  if (isBusy) return toast("One after the other: something is being transcribed.");
  isBusy = true;
  const mine = new Recorder({
    onSamples: (samples) => {
      live?.append(samples);
      byId("record-hint").textContent = clock(mine.seconds);
    },
    onLevel: (peak) => {
      wave.push(peak);
      byId("record").style.setProperty("--level", Math.min(1, Math.sqrt(peak)).toFixed(2));
    },
    onSilence: () => tell(notice, SILENCE, { kind: "warning" }),
    onLost: () => recorder && stop(),
  });
  try {
    await mine.start();
  } catch (error) {
    return tell(notice, error.message);
  } finally {
    isBusy = false;
  }
  recorder = mine;
  recording = null;
  begin();
  recordButton(true);
  live = new LiveTranscription({
    onText: ({ confirmed, unconfirmed }) => write(confirmed, unconfirmed),
    onLost: () => {
      if (recorder) tell(notice, "The words do not appear now: the server does not listen live. You are being recorded all the same; the text comes when you stop.", { kind: "warning" });
    },
  });
}

async function stop() {
  const [mine, listening] = [recorder, live];
  recorder = null;
  isBusy = true;
  recordButton(false);
  byId("record-hint").textContent = "Finishing…";
  await mine.stop();
  live = null; // only now: the last samples come while the recorder stops
  wave.clear();
  byId("record-hint").textContent = "Finishing…";
  recording = wavBlob(mine.chunks);
  const isWhole = await listening.finish();
  byId("record-hint").textContent = "Record";
  isBusy = false;
  if (isWhole) finished(listening.confirmed, listening.segments, "microphone");
  else await transcribe(recording, "recording.wav");
}

// --- Files -----------------------------------------------------------------------------------------------------

async function transcribe(file, name) {
  isBusy = true;
  begin();
  const cancel = new AbortController();
  byId("transcribe-cancel").onclick = () => cancel.abort();
  byId("record").disabled = true;
  const bar = byId("transcribe-bar");
  const words = byId("transcribe-progress-text");
  byId("transcribe-progress").hidden = false;
  let text = "";
  let done = null;
  let duration = null;
  const form = new FormData();
  form.append("file", file, name);
  form.append("stream", "true");
  try {
    await upload("v1/audio/transcriptions", form, {
      signal: cancel.signal,
      onSent: (share) => {
        words.textContent = share < 1 ? `Sending ${name}, ${Math.round(100 * share)}%` : `Listening to ${name}`;
        if (share < 1) bar.value = share;
        else bar.removeAttribute("value");
      },
      onEvent: (event) => {
        if (event.type === "transcript.text.delta") write((text += event.delta));
        else if (event.type === "transcript.text.done") done = event;
        if (event.duration_s) duration = event.duration_s;
        if (duration && event.position_s != null) {
          bar.value = event.position_s / duration;
          words.textContent = `${name}: ${clock(event.position_s)} of ${clock(duration)}`;
        }
      },
    });
    if (!done) throw new Error("The answer of the server broke off.");
    finished(done.text, done.segments ?? [], name, done.message ?? undefined);
  } catch (error) {
    if (text) finished(text, [], name);
    else byId("transcript").hidden = true;
    const again = { action: "Try again", act: () => transcribe(file, name) };
    if (isCancelled(error)) tell(notice, text ? "Cancelled. What was there is kept." : "Cancelled.", { kind: "info", ...again });
    else tell(notice, error.message, again);
  } finally {
    byId("transcribe-progress").hidden = true;
    byId("record").disabled = !canRecord();
    isBusy = false;
  }
}
