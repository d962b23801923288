// WAV: read while it comes, and written from samples.

export const RATE = 24000;

const text = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** Bytes of a WAV stream into samples; keeps the header, in which the file says that it is synthetic. */
export class WavStream {
  constructor() {
    this.head = null;
    this.rest = new Uint8Array(0);
    this.chunks = [];
    this.length = 0;
  }

  /** Return the 16-bit samples that have come with some bytes. */
  push(bytes) {
    const joined = new Uint8Array(this.rest.length + bytes.length);
    joined.set(this.rest);
    joined.set(bytes, this.rest.length);
    this.rest = joined;
    if (!this.head && !this.findData()) return new Int16Array(0);
    const whole = this.rest.length & ~1;
    const samples = new Int16Array(this.rest.slice(0, whole).buffer);
    this.rest = this.rest.slice(whole);
    if (samples.length) this.chunks.push(samples);
    this.length += samples.length;
    return samples;
  }

  findData() {
    const view = new DataView(this.rest.buffer);
    for (let at = 12; at + 8 <= this.rest.length; ) {
      const size = view.getUint32(at + 4, true);
      if (text(this.rest, at) === "data") {
        this.head = this.rest.slice(0, at + 8);
        this.rest = this.rest.slice(at + 8);
        return true;
      }
      at += 8 + size + (size % 2);
    }
    return false;
  }

  /** The file as it would be if its length had been known when it began. */
  blob() {
    const head = this.head.slice();
    const view = new DataView(head.buffer);
    view.setUint32(4, head.length - 8 + 2 * this.length, true);
    view.setUint32(head.length - 4, 2 * this.length, true);
    return new Blob([head, ...this.chunks], { type: "audio/wav" });
  }
}

/** Pieces of samples as a WAV file. */
export function wavBlob(chunks) {
  const length = 2 * chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const view = new DataView(new ArrayBuffer(44));
  const put = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  put(0, "RIFF");
  view.setUint32(4, 36 + length, true);
  put(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  put(36, "data");
  view.setUint32(40, length, true);
  return new Blob([view, ...chunks], { type: "audio/wav" });
}

/** Any file that the browser can read, as samples; null: it cannot. */
export async function decode(blob) {
  try {
    const offline = new OfflineAudioContext(1, 1, RATE);
    const audio = await offline.decodeAudioData(await blob.arrayBuffer());
    const samples = new Int16Array(audio.length);
    const channels = Array.from({ length: audio.numberOfChannels }, (_, number) => audio.getChannelData(number));
    for (let i = 0; i < samples.length; i++) {
      const mean = channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length;
      samples[i] = Math.max(-32768, Math.min(32767, Math.round(mean * 32768)));
    }
    return samples;
  } catch {
    return null;
  }
}
