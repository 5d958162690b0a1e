// One log at a time, live over a websocket: lines are appended, an unfinished one (a progress bar) is written anew.

import { pieces, plainState, withoutSequences } from "./ansi.js";
import { copy, duration, find, setLink, setText } from "./dom.js";

const MOST = 5000;
let socket = null;
let current = "";
let state = plainState();
let last = null;
let wait = 500;

/** Follows a log, or none. */
export function followLog(name) {
  if (name === current && socket) return;
  current = name;
  wait = 500;
  connect();
}

/** The logs to choose from; the chosen one stays. */
export function showLogNames(logs) {
  const select = find("#log-name");
  const names = logs.map(({ name }) => name);
  if (current && !names.includes(current)) names.unshift(current);
  const shown = [...select.options].map(({ value }) => value);
  if (names.join("\n") !== shown.join("\n")) {
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  select.value = current;
  return names;
}

/** Wires the tools above the log. */
export function startLogs() {
  find("#log-name").addEventListener("change", (event) => {
    location.hash = `#/logs/${encodeURIComponent(event.target.value)}`;
  });
  find("#log-wrap").addEventListener("change", (event) =>
    find("#log").classList.toggle("wrap", event.target.checked),
  );
  find("#log-follow").addEventListener("change", toEnd);
  find("#log-filter").addEventListener("input", () => {
    for (const line of find("#log").children) filter(line);
    toEnd();
  });
  find("#log-copy").addEventListener("click", () => {
    const lines = [...find("#log").children].filter((line) => !line.hidden);
    copy(lines.map((line) => line.textContent).join("\n"), "Log");
  });
  // Who scrolls up wants to read; who scrolls down again, to follow.
  const log = find("#log");
  for (const kind of ["wheel", "touchmove", "keyup"]) {
    log.addEventListener(
      kind,
      () =>
        requestAnimationFrame(() => {
          find("#log-follow").checked = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        }),
      { passive: true },
    );
  }
}

function connect() {
  socket?.close();
  socket = null;
  find("#log").replaceChildren();
  state = plainState();
  last = null;
  setText(find("#log-note"), "");
  setLink(find("#log-download"), current && `/download-logs?name=${encodeURIComponent(current)}`);
  if (!current) return;
  const address = new URL(`/ws-logs?name=${encodeURIComponent(current)}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const own = new WebSocket(address);
  socket = own;
  own.addEventListener("message", ({ data }) => {
    wait = 500;
    if (socket === own) hear(JSON.parse(data));
  });
  own.addEventListener("close", () => {
    if (socket !== own) return;
    socket = null;
    setText(find("#log-note"), `The connection ended. Again in ${duration(wait / 1000)}.`);
    const name = current;
    setTimeout(() => current === name && !socket && connect(), wait);
    wait = Math.min(wait * 2, 15000);
  });
}

function hear(message) {
  if (message.type === "append") append(message.lines);
  else if (message.type === "overwrite") overwrite(message.text);
  else if (message.type === "system") setText(find("#log-note"), message.text);
  if (message.type === "append" || message.type === "overwrite") toEnd();
}

function append(lines) {
  const log = find("#log");
  setText(find("#log-note"), "");
  last?.remove();
  last = null;
  log.append(...lines.slice(-MOST).map((line) => lineOf(line, state)));
  while (log.childElementCount > MOST) log.firstElementChild.remove();
}

function overwrite(text) {
  last?.remove();
  // What it changes of the state counts once it is whole.
  last = text ? lineOf(text, { ...state, styles: new Set(state.styles) }) : null;
  if (last) find("#log").append(last);
}

function lineOf(text, from) {
  const line = document.createElement("div");
  for (const piece of pieces(text, from)) {
    if (!piece.className) line.append(piece.text);
    else {
      const span = document.createElement("span");
      span.className = piece.className;
      span.textContent = piece.text;
      line.append(span);
    }
  }
  line.dataset.text = withoutSequences(text).toLowerCase();
  filter(line);
  return line;
}

function filter(line) {
  line.hidden = !line.dataset.text.includes(find("#log-filter").value.toLowerCase());
}

function toEnd() {
  const log = find("#log");
  if (find("#log-follow").checked) log.scrollTop = log.scrollHeight;
}
