// The microphone.

import { RATE } from "./wav.js";

const SILENT_PIECES = 30;
const STEP = 6; // px from one line of the picture to the next

export const canRecord = () => window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);

export const NO_RECORDING =
  "A browser lets a page use the microphone only on the computer itself (localhost) or over https. Choose a file instead.";

const WORDS = {
  NotAllowedError: "The browser does not let this page use the microphone. Allow it beside the address, and in the system’s settings for privacy.",
  NotFoundError: "There is no microphone. Connect one, or choose a file instead.",
  NotReadableError: "The microphone cannot be opened: another program may be using it.",
};

let context = null;
let loading = null;

/** Load what records. */
export function prepareCapture() {
  if (!canRecord()) return Promise.resolve();
  loading ??= (async () => {
    context ??= new AudioContext();
    await context.audioWorklet.addModule(new URL("capture-worklet.js", import.meta.url));
    await context.suspend();
  })().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Records until it is stopped; what was recorded stays, whatever happens. */
export class Recorder {
  /** @param {{onSamples?: Function, onLevel?: Function, onSilence?: Function, onLost?: Function, voice?: boolean}} options */
  constructor(options) {
    this.options = options;
    this.chunks = [];
    this.length = 0;
  }

  get seconds() {
    return this.length / RATE;
  }

  async start() {
    if (!canRecord()) throw new Error(NO_RECORDING);
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: !this.options.voice };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new Error(WORDS[error.name] ?? `The microphone cannot be used: ${error.message}`);
    }
    try {
      await prepareCapture();
      await context.resume();
      this.node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
      this.ended = new Promise((resolve) => {
        this.node.port.onmessage = ({ data }) => (data.ended ? resolve() : this.take(data));
      });
      this.source = context.createMediaStreamSource(this.stream);
      this.source.connect(this.node);
      this.stream.getTracks()[0].addEventListener("ended", () => this.options.onLost?.());
    } catch (error) {
      this.release();
      throw new Error(`The microphone cannot be used: ${error.message}`);
    }
  }

  take({ samples, peak, heard }) {
    this.chunks.push(samples);
    this.length += samples.length;
    this.options.onLevel?.(peak);
    if (!heard && this.chunks.length === SILENT_PIECES) this.options.onSilence?.();
    this.options.onSamples?.(samples);
  }

  async stop() {
    this.node.port.postMessage("finish");
    await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, 500))]);
    this.release();
  }

  release() {
    for (const track of this.stream.getTracks()) track.stop();
    this.source?.disconnect();
    context?.suspend();
  }
}

export const SILENCE =
  "The microphone gives nothing but zeros. Is it muted, or is the browser not allowed to hear it in the system’s settings for privacy?";

/** Draws the level of the last seconds. */
export class Wave {
  /** @param {{gap?: number}} options with a gap, the newest is beside it, and the past goes out to both sides */
  constructor(canvas, { gap = 0 } = {}) {
    this.canvas = canvas;
    this.gap = gap;
    this.peaks = [];
    this.clear();
  }

  clear() {
    this.peaks = [];
    this.canvas.classList.remove("active");
    this.draw();
  }

  push(peak) {
    this.canvas.classList.add("active");
    this.peaks.push(peak);
    if (this.peaks.length > 400) this.peaks.shift();
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.lineWidth = 3;
    pen.lineCap = "round";
    const room = Math.floor((this.gap ? width / 2 - this.gap : width) / STEP);
    const line = (x, size) => {
      pen.beginPath();
      pen.moveTo(x, height / 2 - size);
      pen.lineTo(x, height / 2 + size);
      pen.stroke();
    };
    this.peaks
      .slice(-room)
      .reverse()
      .forEach((peak, i) => {
        const size = Math.max(1, Math.sqrt(peak) * (height / 2 - 3));
        pen.globalAlpha = 1 - 0.9 * (i / room);
        if (!this.gap) return line(width - STEP * (i + 0.5), size);
        line(width / 2 + this.gap + STEP * (i + 0.5), size);
        line(width / 2 - this.gap - STEP * (i + 0.5), size);
      });
  }
}
