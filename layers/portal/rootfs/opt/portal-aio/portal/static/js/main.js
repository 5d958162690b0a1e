// Which page is shown, and when the instance is asked again.

import { ask } from "./api.js";
import { showApps } from "./apps.js";
import { find, setText } from "./dom.js";
import { followLog, showLogNames, startLogs } from "./logs.js";
import { showMetrics } from "./meters.js";
import { showServices } from "./services.js";
import { showState } from "./state.js";
import { showTunnels } from "./tunnels.js";

const PAGES = ["apps", "tunnels", "services", "logs", "system"];
const THEMES = { "": "automatic", light: "light", dark: "dark" };
const OPENING = new Set(["waiting", "starting", "connecting"]);

const page = () => {
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/");
  return PAGES.includes(name) ? [name, decoded(rest.join("/"))] : ["apps", ""];
};

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** Shows the page that the address names. */
async function route(moved) {
  const [name, part] = page();
  for (const section of document.querySelectorAll("main > .page"))
    section.hidden = section.dataset.page !== name;
  for (const link of document.querySelectorAll(".pages a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.page = name;
  if (moved) {
    find("#main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (name !== "logs") followLog("");
  else {
    followLog(part);
    const names = showLogNames((await ask("/logs")) ?? []);
    if (!part && names.length > 0)
      location.replace(`#/logs/${encodeURIComponent(names.includes("comfyui") ? "comfyui" : names[0])}`);
  }
  refresh();
}

let asking = false;
let again = 0;
let turn = 0;

/** Asks for what is seen; soon again where something is under way. */
async function refresh() {
  clearTimeout(again);
  if (asking) {
    again = setTimeout(refresh, 200);
    return;
  }
  asking = true;
  let pause = 2000;
  try {
    const [name] = page();
    const answers = await Promise.all([
      ask("/system-metrics"),
      name === "apps" ? ask("/get-applications") : null,
      name === "apps" || name === "tunnels" ? ask("/tunnels") : null,
      name === "services" ? ask("/supervisor/processes") : null,
      turn++ % 3 === 0 || name === "system" ? ask("/state") : undefined,
    ]);
    pause = show(name, answers);
  } finally {
    asking = false;
    again = setTimeout(refresh, document.hidden ? 30000 : pause);
  }
}

let known;

function show(name, [metrics, apps, tunnels, services, state]) {
  if (metrics) showMetrics(metrics);
  if (name === "apps" && apps) showApps(apps, tunnels, refresh);
  if (name === "tunnels") showTunnels(tunnels, refresh);
  if (name === "services") showServices(services, refresh);
  if (state) known = state;
  showState(known);
  const underWay =
    (tunnels?.quick ?? []).some((tunnel) => OPENING.has(tunnel.state)) ||
    (services ?? []).some((service) => ["STARTING", "STOPPING", "BACKOFF"].includes(service.state));
  return underWay ? 700 : 2000;
}

function startTheme() {
  const button = find("#theme");
  const name = () =>
    setText(find("#theme-name"), `Theme: ${THEMES[document.documentElement.dataset.theme ?? ""]}`);
  button.addEventListener("click", () => {
    const order = Object.keys(THEMES);
    const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % order.length];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("theme", next);
    name();
  });
  name();
}

startTheme();
startLogs();
addEventListener("hashchange", () => route(true));
document.addEventListener("visibilitychange", () => document.hidden || refresh());
// The link to the content is no page.
find(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  find("#main").focus();
});
route(false);
