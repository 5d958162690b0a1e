// Small helpers: what stays on the page keeps its element, and with it the focus.

export const find = (selector, root = document) => root.querySelector(selector);

/** Text, never markup; untouched where it is the same, so that a selection stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A link's address. What comes from outside may be one of the web only. */
export function setLink(element, address) {
  if (!address || !/^(https?:\/\/|\/|#)/.test(address)) element.removeAttribute("href");
  else if (element.getAttribute("href") !== address) element.setAttribute("href", address);
}

/** A name for who does not see the picture, and a hint for who does. */
export function setName(element, name) {
  if (element.getAttribute("aria-label") === name) return;
  element.setAttribute("aria-label", name);
  element.title = name;
}

const CONTROLS = "a[href]:not([hidden], .direct), button:not([hidden], .quiet)";

/** One element for each item, by its key, made of a template, in the items' order. */
export function fillList(container, items, { key, template, make, fill }) {
  const known = new Map([...container.children].map((child) => [child.dataset.key, child]));
  let before = null;
  for (const item of items) {
    const name = String(key(item));
    let element = known.get(name);
    known.delete(name);
    if (!element) {
      element = find(`#${template}`).content.firstElementChild.cloneNode(true);
      element.dataset.key = name;
      make?.(element, item);
    }
    const place = before ? before.nextElementSibling : container.firstElementChild;
    if (place !== element) container.insertBefore(element, place);
    before = element;
    const focused = document.activeElement;
    fill(element, item);
    // What was pressed has gone: on to what came instead.
    if (focused?.hidden && element.contains(focused)) find(CONTROLS, focused.parentElement)?.focus();
  }
  for (const element of known.values()) element.remove();
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes as people read them; memory and disks alike, by 1024 as `free -h` and `df -h` do. */
export function bytes(number) {
  let [value, unit] = [number, 0];
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

let toastEnd = 0;

/** A word at the bottom, read out as well. */
export function say(text) {
  const toast = find("#toast");
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(toastEnd);
  toastEnd = setTimeout(() => toast.classList.remove("shown"), 4500);
}

/** Into the clipboard, also where the page came without TLS and the browser has no API for it. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    const focused = document.activeElement;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    if (!done) {
      say("The browser does not allow copying.");
      return;
    }
  }
  say(`${what} copied.`);
}
