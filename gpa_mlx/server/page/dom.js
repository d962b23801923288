// Small things every part of the page needs. Text of others is only ever set as text.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function template(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

/** Set the icon and the words of a button that has both. */
export function label(button, icon, words) {
  button.querySelector("use").setAttribute("href", `#i-${icon}`);
  button.querySelector("span").textContent = words;
}

/** Show a message in a notice, with a way out if there is one; nothing hides it. */
export function tell(notice, words, { kind = "error", action = "", act = null } = {}) {
  notice.hidden = !words;
  notice.dataset.kind = kind;
  notice.setAttribute("role", kind === "error" ? "alert" : "status");
  notice.replaceChildren(words ?? "");
  if (words && act) notice.append(" ", make("button", { type: "button", class: "link", onclick: act }, action));
}

let toasting = 0;

export function toast(words) {
  const box = byId("toast");
  box.textContent = words;
  box.classList.add("shown");
  clearTimeout(toasting);
  toasting = setTimeout(() => box.classList.remove("shown"), 3500);
}

/** Ask before something is removed. */
export function ask(title, text, yes) {
  const dialog = byId("ask");
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

export async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.focus();
    field.select();
    if (!document.execCommand("copy")) return toast("The browser does not let this page copy: press Ctrl+C or ⌘C.");
  }
  toast("Copied.");
}

export function save(content, name, type) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A name for a file: the first words of a text, or when it was made. */
export function fileName(text, suffix) {
  const words = text.normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, " ").trim().split(" ").slice(0, 6).join("-").slice(0, 60);
  return `${words || new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-")}${suffix}`;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A place where files may be dropped or chosen. */
export function takesFiles(zone, input, take) {
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = "";
  });
  let depth = 0;
  const isFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("dropping", depth > 0);
  };
  zone.addEventListener("dragenter", (event) => isFile(event) && mark(1));
  zone.addEventListener("dragleave", (event) => isFile(event) && mark(-1));
  zone.addEventListener("dragover", (event) => isFile(event) && event.preventDefault());
  zone.addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    depth = 0;
    zone.classList.remove("dropping");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
