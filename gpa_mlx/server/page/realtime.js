// Live transcription over `/v1/realtime`, OpenAI's protocol: what is confirmed only grows, what is not may change.

import { address, currentKey } from "./server.js";
import { joined } from "./subtitles.js";
import { RATE } from "./wav.js";

const ENDING_MS = 60_000;

export class LiveTranscription {
  /** @param {{onText: Function, onLost: Function}} options called with the text, and when the connection breaks */
  constructor({ onText, onLost }) {
    this.onText = onText;
    this.onLost = onLost;
    this.items = new Map();
    this.early = [];
    this.sent = 0;
    this.isOver = false;
    this.isOpen = false;
    const protocols = ["realtime", ...(currentKey() ? [`openai-insecure-api-key.${currentKey()}`] : [])];
    try {
      this.socket = new WebSocket(address("v1/realtime?intent=transcription").replace(/^http/, "ws"), protocols);
    } catch (error) {
      queueMicrotask(() => this.lost(error.message));
      return;
    }
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = (event) => this.lost(event.reason);
  }

  opened() {
    this.isOpen = true;
    const input = {
      format: { type: "audio/pcm", rate: RATE },
      transcription: {},
      turn_detection: { type: "server_vad" },
    };
    this.tell({ type: "session.update", session: { type: "transcription", audio: { input }, gpa_unconfirmed: true } });
    for (const samples of this.early.splice(0)) this.append(samples);
  }

  append(samples) {
    if (this.isOver) return;
    if (!this.isOpen) return void this.early.push(samples);
    this.sent += samples.length;
    this.tell({ type: "input_audio_buffer.append", audio: base64(samples) });
  }

  tell(event) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  /** End; resolves to whether all that was said has been transcribed. */
  finish() {
    if (this.isOver || !this.isOpen) {
      this.lost("");
      return Promise.resolve(false);
    }
    this.committing = true;
    this.tell({ type: "input_audio_buffer.commit" });
    return new Promise((resolve) => {
      this.ended = resolve;
      this.timer = setTimeout(() => this.end(false), ENDING_MS);
    });
  }

  item(id) {
    if (!this.items.has(id)) this.items.set(id, { text: "", unconfirmed: "", start: null, end: null, state: "said" });
    return this.items.get(id);
  }

  take(event) {
    const item = event.item_id ? this.item(event.item_id) : null;
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        item.start = event.audio_start_ms / 1000;
        break;
      case "input_audio_buffer.speech_stopped":
        item.end = event.audio_end_ms / 1000;
        break;
      case "input_audio_buffer.committed":
        if (item.state === "said") item.state = "waiting";
        item.end ??= this.sent / RATE;
        if (this.committing) this.committed = true;
        break;
      case "conversation.item.input_audio_transcription.delta":
        item.text += event.delta;
        item.unconfirmed = "";
        break;
      case "gpa.transcription.unconfirmed":
        item.unconfirmed = event.text;
        break;
      case "conversation.item.input_audio_transcription.completed":
        Object.assign(item, { text: event.transcript, unconfirmed: "", state: "done" });
        break;
      case "conversation.item.input_audio_transcription.failed":
        Object.assign(item, { unconfirmed: "", state: "failed" });
        this.failed = event.error?.message;
        break;
      case "error":
        if (this.committing && !this.committed) this.committed = true; // there was nothing left to commit
        else this.failed = event.error?.message;
        break;
      default:
        return;
    }
    this.onText(this);
    if (this.committing && this.committed && ![...this.items.values()].some((one) => one.state === "waiting")) {
      this.end(!this.failed);
    }
  }

  get confirmed() {
    return [...this.items.values()].reduce((text, item) => joined(text, item.text), "");
  }

  get unconfirmed() {
    return [...this.items.values()].reduce((text, item) => joined(text, item.unconfirmed), "");
  }

  /** What was said, with times in seconds. */
  get segments() {
    const found = [];
    for (const { text, start, end } of this.items.values()) {
      if (!text.trim()) continue;
      const from = start ?? found.at(-1)?.end ?? 0;
      found.push({ start: from, end: Math.max(end ?? this.sent / RATE, from), text: text.trim() });
    }
    return found;
  }

  lost(reason) {
    if (this.isOver) return;
    this.end(false);
    this.onLost(reason);
  }

  end(isWhole) {
    this.isOver = true;
    clearTimeout(this.timer);
    this.socket?.close();
    this.ended?.(isWhole);
  }
}

function base64(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}
