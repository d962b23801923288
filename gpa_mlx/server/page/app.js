// The page: its parts, and the way between them.

import { byId } from "./dom.js";
import { startConvert } from "./convert.js";
import { startHistory } from "./history.js";
import { prepareOutput } from "./player.js";
import { prepareCapture } from "./recorder.js";
import { check } from "./server.js";
import { setText, startSpeak } from "./speak.js";
import { remember, remembered } from "./store.js";
import { showTranscript, startTranscribe } from "./transcribe.js";
import { startVoices } from "./voices.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const names = tabs.map((tab) => tab.getAttribute("aria-controls"));

const named = () => location.hash.replace(/^#\/?/, "");

function open(name, { focus = false } = {}) {
  const chosen = names.includes(name) ? name : names[0];
  tabs.forEach((tab, i) => {
    const isOn = names[i] === chosen;
    tab.setAttribute("aria-selected", String(isOn));
    tab.tabIndex = isOn ? 0 : -1;
    byId(names[i]).hidden = !isOn;
    if (isOn && focus) tab.focus();
  });
  remember("tab", chosen);
  scrollTo(0, 0);
  if (named() !== chosen) history.replaceState(null, "", `#/${chosen}`); // no id of an element: a browser would go there
}

tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => open(names[i]));
  tab.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: i + 1, ArrowLeft: i - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    open(names[steps[event.key] % tabs.length], { focus: true });
  });
});
addEventListener("hashchange", () => names.includes(named()) && open(named()));
for (const kind of ["dragover", "drop"]) {
  // A file that misses its place must not be opened in the place of the page.
  addEventListener(kind, (event) => [...event.dataTransfer.types].includes("Files") && event.preventDefault());
}

const speakText = (text) => {
  open("speak");
  setText(text);
};

if (!window.isSecureContext) {
  byId("insecure").hidden = false;
  const local = new URL(location.href);
  local.hostname = "localhost";
  byId("local-address").textContent = local.origin;
}
// What plays and records is fetched with the first touch: it must be there when the server no longer is.
for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => [prepareOutput, prepareCapture].forEach((prepare) => prepare().catch(() => {})), { once: true });
}
startTranscribe({ speakText });
startSpeak();
startVoices();
startConvert();
startHistory({
  speakText,
  showTranscript: (entry) => {
    open("transcribe");
    showTranscript(entry);
  },
});
open(named() || remembered("tab", names[0]));
check();
