// The microphone as 16-bit samples at 24 kHz, in pieces of a tenth of a second, with their peak.
// Windowed-sinc interpolation from whatever rate the device has; the cut-off is below half of the lower rate.

const RATE = 24000;
const PIECE = RATE / 10;
const ZEROS = 16;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE;
    this.cut = Math.min(1, 1 / this.step) * 0.94;
    this.half = Math.ceil(ZEROS / this.cut);
    this.input = new Float32Array(this.half); // silence before the first sample
    this.next = this.half; // place in `input` of the next output sample
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.peak = 0;
    this.heard = false; // anything but digital silence
    this.running = true;
    this.port.onmessage = () => this.finish();
  }

  process(inputs) {
    if (this.running && inputs[0].length) this.push(inputs[0][0]);
    return this.running;
  }

  push(samples) {
    const joined = new Float32Array(this.input.length + samples.length);
    joined.set(this.input);
    joined.set(samples, this.input.length);
    let next = this.next;
    while (next + this.half < joined.length) {
      this.put(this.step === 1 ? joined[next] : this.at(joined, next));
      next += this.step;
    }
    const drop = Math.max(0, Math.floor(next) - this.half);
    this.input = joined.slice(drop);
    this.next = next - drop;
  }

  at(samples, place) {
    const first = Math.max(0, Math.ceil(place - this.half));
    const last = Math.min(samples.length - 1, Math.floor(place + this.half));
    let sum = 0;
    for (let i = first; i <= last; i++) {
      const x = (i - place) * this.cut;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * (i - place)) / this.half);
      sum += samples[i] * window * (Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
    }
    return sum * this.cut;
  }

  put(value) {
    const size = Math.abs(value);
    if (size > this.peak) this.peak = size;
    if (value !== 0) this.heard = true;
    this.piece[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
    if (this.filled === PIECE) this.send();
  }

  send() {
    const samples = this.piece.slice(0, this.filled);
    this.port.postMessage({ samples, peak: this.peak, heard: this.heard }, [samples.buffer]);
    this.filled = 0;
    this.peak = 0;
  }

  finish() {
    if (!this.running) return;
    this.push(new Float32Array(this.half + 1));
    if (this.filled) this.send();
    this.running = false;
    this.port.postMessage({ ended: true });
  }
}

registerProcessor("capture", Capture);
