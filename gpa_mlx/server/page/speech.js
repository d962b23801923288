// Speech from the server into a player, while it is made; what has come stays when it breaks off.

import { ServerError, headerText, isCancelled, request } from "./server.js";
import { RATE, WavStream } from "./wav.js";

/**
 * Ask for speech and play it as it comes.
 * Resolves to the WAV stream, and to the error that ended it early; throws what was wrong before any sound.
 */
export async function streamSpeech(path, question, player, { track = 0, onBegin = () => {} } = {}) {
  const answer = await request(path, question);
  const stream = new WavStream();
  player.begin(track);
  onBegin({ voice: headerText(answer, "X-Voice"), unknown: headerText(answer, "X-Unknown-Words") });
  const reader = answer.body.getReader();
  let error = null;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const samples = stream.push(value);
      if (samples.length) player.append(samples, track);
    }
  } catch (broken) {
    error = isCancelled(broken) ? broken : new ServerError("The sound broke off: the server ended it, or is gone. What had come is kept.");
  }
  player.complete(track);
  return { stream, error };
}

export const speechForm = { response_format: "wav", sample_rate: RATE };

export const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
