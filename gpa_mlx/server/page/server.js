// Everything that is asked of the server, with its errors in plain words, and the key where it wants one.

import { byId, tell } from "./dom.js";

const GONE = "The server does not answer. Is gpa-mlx serve still running? What you wrote and recorded is still here.";
const KEY = "gpa-mlx.key";
const CHECK_MS = 15_000;
const GONE_CHECK_MS = 3_000;

export class ServerError extends Error {
  constructor(message, { status = 0, code = "", param = null } = {}) {
    super(message);
    Object.assign(this, { status, code, param });
  }
}

export const isCancelled = (error) => error?.name === "AbortError";

export const address = (path) => new URL(path, document.baseURI).href;

// --- The key ---------------------------------------------------------------------------------------------------

let key = read(sessionStorage) ?? read(localStorage) ?? "";
let asking = null;
let refused = false;

function read(storage) {
  try {
    return storage.getItem(KEY);
  } catch {
    return null;
  }
}

export const currentKey = () => key;

/** Ask for a key; several requests that were refused ask once. Resolves to whether there is a new one. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    const [dialog, field] = [byId("key"), byId("key-field")];
    tell(byId("key-wrong"), key ? "The server does not know this key." : "");
    field.value = "";
    dialog.returnValue = "";
    const used = () => {
      dialog.removeEventListener("close", used);
      asking = null;
      const given = dialog.returnValue === "used" && field.value.trim();
      refused = !given;
      if (given) keepKey(given);
      field.value = "";
      resolve(Boolean(given));
    };
    dialog.addEventListener("close", used);
    if (!dialog.open) dialog.showModal();
    field.focus();
  });
  return asking;
}

function keepKey(given) {
  key = given;
  try {
    sessionStorage.setItem(KEY, given);
    if (byId("key-remember").checked) localStorage.setItem(KEY, given);
    else localStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing asks again.
  }
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("key").close("used");
});
byId("key-cancel").addEventListener("click", () => byId("key").close(""));

// --- Requests --------------------------------------------------------------------------------------------------

function headers(more = {}) {
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

function failure(status, text, retryAfter) {
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // Not ours: a proxy's page, perhaps.
  }
  let words = error.message || `The server answered with an error (${status}).`;
  if (status === 413 && !error.message) words = "The file is larger than this server takes.";
  if (retryAfter && !/again/i.test(words)) words += ` Try again in ${retryAfter} s.`;
  return new ServerError(words, { status, code: error.code, param: error.param });
}

const refusal = () => new ServerError("This server asks for a key.", { status: 401, code: "invalid_api_key" });

/** Send a request; return its answer when it has begun. */
export async function request(path, { method, json, form, signal, quiet = false } = {}) {
  for (;;) {
    const used = key;
    let answer;
    try {
      answer = await fetch(address(path), {
        method: method ?? (json || form ? "POST" : "GET"),
        headers: headers(json ? { "Content-Type": "application/json" } : {}),
        body: json ? JSON.stringify(json) : form,
        signal,
        cache: "no-store",
      });
    } catch (error) {
      if (isCancelled(error)) throw error;
      seen(false);
      throw new ServerError(GONE, { code: "gone" });
    }
    seen(true);
    if (answer.ok) return answer;
    if (answer.status === 401) {
      show("locked", "Key needed");
      if (key !== used || (!(quiet && refused) && (await askForKey()))) continue;
      throw refusal();
    }
    throw failure(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  }
}

/** Upload a form and read its answer as events; tells how much was sent. Resolves when the last event has come. */
export async function upload(path, form, { signal, onSent = () => {}, onEvent }) {
  for (;;) {
    const used = key;
    const status = await send(path, form, { signal, onSent, onEvent });
    if (status === 200) return;
    if (key === used && !(await askForKey())) throw refusal();
  }
}

function send(path, form, { signal, onSent, onEvent }) {
  return new Promise((resolve, reject) => {
    const http = new XMLHttpRequest();
    const events = new EventReader((event) => {
      if (event.error) throw new ServerError(event.error.message, event.error);
      onEvent(event);
    });
    const give = (error) => {
      http.abort();
      reject(error);
    };
    const read = () => {
      try {
        if (http.status === 200) events.read(http.responseText);
      } catch (error) {
        give(error);
      }
    };
    http.open("POST", address(path));
    for (const [name, value] of Object.entries(headers())) http.setRequestHeader(name, value);
    http.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    http.upload.onload = () => onSent(1);
    http.onprogress = read;
    http.onerror = () => {
      seen(false);
      reject(new ServerError(GONE, { code: "gone" }));
    };
    http.onload = () => {
      seen(true);
      read();
      if (http.status === 200 || http.status === 401) resolve(http.status);
      else reject(failure(http.status, http.responseText, http.getResponseHeader("Retry-After")));
    };
    signal?.addEventListener("abort", () => give(new DOMException("cancelled", "AbortError")));
    http.send(form);
  });
}

/** Server-sent events, out of a text that grows. */
export class EventReader {
  constructor(take) {
    this.take = take;
    this.done = 0;
  }

  read(text) {
    for (;;) {
      const end = text.indexOf("\n\n", this.done);
      if (end < 0) return;
      const lines = text.slice(this.done, end).split("\n");
      this.done = end + 2;
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      if (data.length && data[0] !== "[DONE]") this.take(JSON.parse(data.join("\n")));
    }
  }
}

/** Words in a header: what is not ASCII is written as `&#NUMBER;` there. */
export function headerText(answer, name) {
  return (answer.headers.get(name) ?? "").replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

// --- Whether it is there ---------------------------------------------------------------------------------------

let state = "asking";
let timer = 0;
const back = new Set();

/** Call something whenever the server answers again, and once when it first does. */
export const whenThere = (act) => back.add(act);

function seen(isThere) {
  const before = state;
  if (!isThere) show("gone", "No server");
  else if (state === "gone" || state === "asking") check();
  if (state !== before && state === "gone") schedule();
}

function show(now, words) {
  state = now;
  byId("server").dataset.state = now;
  byId("server-text").textContent = words;
  tell(byId("gone"), now === "gone" ? GONE : "");
}

function schedule() {
  clearTimeout(timer);
  timer = setTimeout(check, state === "ready" ? CHECK_MS : GONE_CHECK_MS);
}

let checking = null;

/** Ask how the server is, and show it. */
export function check() {
  checking ??= ask().finally(() => {
    checking = null;
    schedule();
  });
  return checking;
}

async function ask() {
  const before = state;
  state = "checking";
  try {
    const status = await (await request("v1/status", { quiet: true })).json();
    const words = status.ready ? status.model : `${status.model}, loading`;
    show(status.ready ? "ready" : "loading", words);
    if (before !== "ready" && before !== "loading") for (const act of back) act(status);
  } catch (error) {
    if (error.code === "gone") show("gone", "No server");
    else if (error.status === 401) locked();
    else show("loading", "Not ready");
  }
}

function locked() {
  show("locked", "Key needed");
  const act = () => {
    refused = false;
    check();
  };
  tell(byId("gone"), "This server asks for a key.", { kind: "info", action: "Enter the key", act });
}

document.addEventListener("visibilitychange", () => document.hidden || check());
