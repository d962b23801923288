// A player: sound that may still be coming, a place in it, and one or two tracks that share that place.

import "./play-queue.js";
import { clock, template } from "./dom.js";
import { RATE } from "./wav.js";

let context = null;
let loading = null;
let current = null;

/** Load what plays; resolves to whether it is an AudioWorklet. */
export function prepareOutput() {
  context ??= new AudioContext({ sampleRate: RATE });
  loading ??= addModule().catch(() => {
    loading = null; // the server may be back the next time
    return false;
  });
  return loading;
}

async function addModule() {
  if (!context.audioWorklet) return false;
  await context.audioWorklet.addModule(new URL("play-queue.js", import.meta.url));
  return true;
}

/** Open the loudspeaker; to be called while the browser sees the press of a button. */
export async function openOutput() {
  const prepared = prepareOutput();
  if (context.state === "suspended") await context.resume();
  return prepared;
}

export class Player {
  /** @param {HTMLElement} place where its buttons go */
  constructor(place) {
    this.root = template("player-template");
    this.part = Object.fromEntries([...this.root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    place.replaceChildren(this.root);
    this.waitingMessages = [];
    this.clear();
    this.part.play.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    this.part.seek.addEventListener("input", () => this.seek((this.part.seek.value / 1000) * this.length));
  }

  clear() {
    this.post({ type: "clear" });
    this.lengths = [0, 0];
    this.completes = [true, true];
    this.position = 0;
    this.playing = this.waiting = false;
    this.heard = 0; // the farthest place that was played, for whoever wants to know
    this.note("");
    this.show();
  }

  get length() {
    return Math.max(...this.lengths);
  }

  /** Begin with a track of which more will come. */
  begin(track = 0) {
    this.completes[track] = false;
  }

  append(samples, track = 0) {
    this.lengths[track] += samples.length;
    this.post({ type: "append", track, samples });
    this.show();
  }

  complete(track = 0) {
    this.completes[track] = true;
    this.post({ type: "complete", track });
    this.show();
  }

  load(samples, track = 0) {
    this.append(samples, track);
    this.complete(track);
  }

  choose(track) {
    this.post({ type: "choose", track });
  }

  seek(position) {
    this.position = position;
    this.post({ type: "seek", position });
    this.show();
  }

  async play() {
    if (current && current !== this) current.pause();
    current = this;
    this.playing = true;
    this.show();
    await this.connect();
    this.post({ type: "play" });
  }

  pause() {
    this.playing = false;
    this.post({ type: "pause" });
    this.show();
  }

  note(words) {
    this.words = words;
    this.show?.();
  }

  async connect() {
    if (this.send) return void (await openOutput());
    this.connecting ??= this.makeOutput();
    await this.connecting;
  }

  async makeOutput() {
    const report = (state) => this.reported(state);
    if (await openOutput()) {
      const node = new AudioWorkletNode(context, "play-queue", { numberOfInputs: 0, outputChannelCount: [1] });
      node.port.onmessage = (event) => report(event.data);
      node.connect(context.destination);
      this.send = (message) => node.port.postMessage(message);
    } else {
      const queue = new globalThis.PlayQueue(report);
      const node = context.createScriptProcessor(2048, 1, 1);
      node.onaudioprocess = (event) => queue.render(event.outputBuffer.getChannelData(0));
      node.connect(context.destination);
      this.node = node; // or it would be collected
      this.send = (message) => queue.take(message);
    }
    for (const message of this.waitingMessages.splice(0)) this.send(message);
  }

  post(message) {
    if (this.send) this.send(message);
    else if (message.type === "clear") this.waitingMessages = [message];
    else this.waitingMessages.push(message);
  }

  reported({ position, playing, waiting }) {
    this.position = position;
    this.heard = Math.max(this.heard, position);
    this.playing = playing;
    this.waiting = waiting;
    this.show();
  }

  show() {
    const { play, seek, now, state, length } = this.part;
    play.disabled = !this.length && this.completes.every(Boolean);
    play.querySelector("use").setAttribute("href", this.playing ? "#i-pause" : "#i-play");
    play.querySelector("span").textContent = this.playing ? "Pause" : "Play";
    seek.disabled = !this.length;
    seek.value = this.length ? Math.round((1000 * this.position) / this.length) : 0;
    seek.style.setProperty("--done", `${this.length ? (100 * this.position) / this.length : 0}%`);
    seek.setAttribute("aria-valuetext", `${clock(this.position / RATE)} of ${clock(this.length / RATE)}`);
    now.textContent = clock(this.position / RATE);
    length.textContent = clock(this.length / RATE);
    const words = this.words || (this.waiting && this.playing ? "Waiting for sound…" : "");
    if (state.textContent !== words) state.textContent = words;
  }
}
