// What this browser keeps: what is being written, and a history. Nothing of it is sent anywhere.

const PREFIX = "gpa-mlx.";
const MOST_ENTRIES = 200;

/** A value that outlives the page. */
export function remembered(name, fallback = "") {
  try {
    return localStorage.getItem(PREFIX + name) ?? fallback;
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A browser that keeps nothing, or is full: the page works all the same.
  }
}

/** Keep what is typed into a field. */
export function keepTyped(field, name) {
  field.value = remembered(name, field.value);
  field.addEventListener("input", () => remember(name, field.value));
}

export const keepsHistory = () => remembered("history", "yes") === "yes";

let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("gpa-mlx", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("entries", { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opening;
}

async function withEntries(mode, act) {
  const transaction = (await open()).transaction("entries", mode);
  const asked = act(transaction.objectStore("entries"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

const changed = new Set();

export const whenHistoryChanges = (act) => changed.add(act);

const tellChange = () => changed.forEach((act) => act());

/** Newest first. */
export async function entries() {
  try {
    return (await withEntries("readonly", (store) => store.getAll())).sort((a, b) => b.at - a.at);
  } catch {
    return [];
  }
}

/** Keep an entry, new or changed; returns whether it was kept. */
export async function keepEntry(entry) {
  if (!keepsHistory()) return false;
  try {
    await withEntries("readwrite", (store) => store.put(entry));
    const old = (await entries()).slice(MOST_ENTRIES);
    if (old.length) await withEntries("readwrite", (store) => old.forEach(({ id }) => store.delete(id)));
    tellChange();
    return true;
  } catch {
    return false;
  }
}

export async function removeEntry(id) {
  await withEntries("readwrite", (store) => store.delete(id));
  tellChange();
}

export async function emptyHistory() {
  await withEntries("readwrite", (store) => store.clear());
  tellChange();
}

export const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
