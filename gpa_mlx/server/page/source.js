// A recording that something is made from: recorded here, chosen, or dropped; it can be heard before it is used.

import { clock, label, takesFiles, template, tell, toast } from "./dom.js";
import { Player } from "./player.js";
import { Recorder, SILENCE, Wave, canRecord } from "./recorder.js";
import { RATE, decode, wavBlob } from "./wav.js";

export class Source {
  /** @param {{place: HTMLElement, zone: HTMLElement, onChange?: Function, onTime?: Function}} options */
  constructor({ place, zone, onChange = () => {}, onTime = () => {} }) {
    const root = template("source-template");
    this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    place.replaceChildren(root);
    Object.assign(this, { onChange, onTime, file: null, samples: null, recorder: null });
    this.wave = new Wave(this.part.wave);
    this.player = new Player(this.part.player);
    this.part.record.addEventListener("click", () => (this.recorder ? this.stop() : this.start()));
    takesFiles(zone, this.part.file, (file) => (this.recorder ? toast("A recording is being made.") : this.choose(file)));
    if (!canRecord()) this.part.record.disabled = true;
  }

  async start() {
    this.player.pause();
    const recorder = new Recorder({
      voice: true,
      onLevel: (peak) => {
        this.wave.push(peak);
        this.part.chosen.textContent = `Recording, ${clock(recorder.seconds)}`;
        this.onTime(recorder.seconds);
      },
      onSilence: () => tell(this.part.notice, SILENCE, { kind: "warning" }),
      onLost: () => this.recorder && this.stop(),
    });
    tell(this.part.notice, "");
    try {
      await recorder.start();
    } catch (error) {
      return tell(this.part.notice, error.message);
    }
    this.recorder = recorder;
    this.part.player.hidden = true;
    this.part.record.classList.add("on");
    label(this.part.record, "stop", "Stop");
  }

  async stop() {
    const recorder = this.recorder;
    this.recorder = null;
    await recorder.stop();
    this.part.record.classList.remove("on");
    label(this.part.record, "mic", "Record again");
    this.wave.clear();
    if (recorder.length) await this.use(new File([wavBlob(recorder.chunks)], "recording.wav", { type: "audio/wav" }), "Recorded");
  }

  choose(file) {
    tell(this.part.notice, "");
    return this.use(file, file.name);
  }

  async use(file, name) {
    this.file = file;
    this.samples = await decode(file);
    this.player.clear();
    this.part.player.hidden = !this.samples;
    if (this.samples) this.player.load(this.samples);
    this.part.chosen.textContent = this.samples
      ? `${name}, ${(this.samples.length / RATE).toFixed(1)} s`
      : `${name} (this browser cannot play it; the server may read it)`;
    this.onChange();
  }
}
