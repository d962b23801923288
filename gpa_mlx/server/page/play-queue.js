// Sound in the order in which it comes, played from any place of it: one or two tracks that share a position.
// Loaded twice: as an AudioWorklet, and by the page itself where a browser allows no worklets (http from afar).

const RATE = 24000;
const FADE = 1 / (0.012 * RATE); // per sample, when the track changes
const START_SAMPLES = 0.2 * RATE; // so much must be there before sound begins, or goes on after it ran dry
const REPORT_SAMPLES = 0.06 * RATE;

class PlayQueue {
  constructor(report) {
    this.report = report;
    this.clear();
  }

  clear() {
    this.tracks = [0, 1].map(() => ({ chunks: [], length: 0, at: 0, gain: 0, complete: false }));
    this.position = 0;
    this.chosen = 0;
    this.playing = false;
    this.waiting = false;
    this.tracks[0].gain = 1;
    this.sinceReport = 0;
  }

  take(message) {
    if (message.type === "append") this.append(this.tracks[message.track], message.samples);
    else if (message.type === "complete") this.tracks[message.track].complete = true;
    else if (message.type === "play") this.play();
    else if (message.type === "pause") this.playing = false;
    else if (message.type === "seek") this.seek(message.position);
    else if (message.type === "choose") this.chosen = message.track;
    else if (message.type === "clear") this.clear();
    if (message.type !== "append") this.tell();
  }

  append(track, samples) {
    if (samples.length) track.chunks.push({ start: track.length, samples });
    track.length += samples.length;
  }

  get length() {
    return Math.max(this.tracks[0].length, this.tracks[1].length);
  }

  get isComplete() {
    return this.tracks.every((track) => track.complete || !track.length);
  }

  play() {
    if (this.isComplete && this.position >= this.length) this.seek(0);
    this.playing = true;
    this.waiting = !this.hasEnough();
  }

  seek(position) {
    this.position = Math.max(0, Math.min(Math.round(position), this.length));
    for (const track of this.tracks) track.at = 0;
  }

  hasEnough() {
    const track = this.tracks[this.chosen];
    return track.complete || track.length - this.position >= START_SAMPLES;
  }

  value(track) {
    const { chunks } = track;
    while (track.at < chunks.length && this.position >= chunks[track.at].start + chunks[track.at].samples.length) track.at++;
    const chunk = chunks[track.at];
    return chunk && this.position >= chunk.start ? chunk.samples[this.position - chunk.start] / 32768 : 0;
  }

  render(output) {
    output.fill(0);
    if (!this.playing) return;
    if (this.waiting && this.hasEnough()) this.waiting = false;
    for (let i = 0; i < output.length && !this.waiting; i++) {
      if (this.position >= this.tracks[this.chosen].length) {
        if (this.isComplete && this.position >= this.length) {
          this.playing = false;
          this.tell();
          return;
        }
        if (!this.tracks[this.chosen].complete) {
          this.waiting = true;
          break;
        }
      }
      let sum = 0;
      this.tracks.forEach((track, number) => {
        const wanted = number === this.chosen ? 1 : 0;
        track.gain += Math.max(-FADE, Math.min(FADE, wanted - track.gain));
        if (track.gain > 0) sum += track.gain * this.value(track);
      });
      output[i] = sum;
      this.position++;
    }
    this.sinceReport += output.length;
    if (this.sinceReport >= REPORT_SAMPLES) this.tell();
  }

  tell() {
    this.sinceReport = 0;
    this.report({ position: this.position, playing: this.playing, waiting: this.waiting });
  }
}

if (typeof registerProcessor === "function") {
  registerProcessor(
    "play-queue",
    class extends AudioWorkletProcessor {
      constructor() {
        super();
        this.queue = new PlayQueue((state) => this.port.postMessage(state));
        this.port.onmessage = (event) => this.queue.take(event.data);
      }

      process(_, outputs) {
        this.queue.render(outputs[0][0]);
        return true;
      }
    },
  );
} else {
  globalThis.PlayQueue = PlayQueue;
}
