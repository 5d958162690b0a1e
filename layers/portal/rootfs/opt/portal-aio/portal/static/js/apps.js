// Cards of applications, with their direct address and their tunnel's.

import { order } from "./api.js";
import { fillList, find, setLink, setName, setText } from "./dom.js";

/** Colours of tiles, in css/cards.css. */
const TINTS = 5;
const OPENING = new Set(["waiting", "starting", "connecting", "retrying"]);

/** Shows them; `changed` is called after an order. */
export function showApps(apps, tunnels, changed) {
  find("#no-apps").hidden = apps.length > 0;
  const byPort = new Map((tunnels?.quick ?? []).map((tunnel) => [tunnel.port, tunnel]));
  const named = new Map((tunnels?.named?.routes ?? []).map((route) => [route.port, route]));
  fillList(find("#apps"), apps, {
    key: (app) => app.name,
    template: "t-app",
    make: (card, app) => {
      const make = find(".make", card);
      make.addEventListener("click", async () => {
        if (make.ariaDisabled === "true") return;
        await order(`/tunnels/${app.external_port}/start`, `Opening a tunnel to ${app.name}…`);
        changed();
      });
    },
    fill: (card, app) => {
      find(".tile", card).dataset.tint = String(apps.indexOf(app) % TINTS);
      fillApp(card, app, byPort.get(app.external_port), named.get(app.external_port), tunnels);
    },
  });
}

function fillApp(card, app, tunnel, route, tunnels) {
  setText(find(".tile", card), initials(app.name));
  setText(find(".name", card), app.name);
  setText(find(".where", card), where(app));
  const direct = find(".direct", card);
  direct.hidden = !app.direct_url;
  setLink(direct, app.direct_url);
  setName(direct, `Open ${app.name}`);
  const root = route?.url ?? tunnel?.url;
  const link = find(".tunnel", card);
  link.hidden = !root;
  setLink(link, root && root.replace(/\/$/, "") + app.open_path);
  setName(link, `Open ${app.name} through the tunnel`);
  // Where nothing else leads there, the tunnel is the way.
  link.classList.toggle("primary", !app.direct_url);
  const make = find(".make", card);
  make.hidden = Boolean(root) || !tunnels?.available || !tunnel;
  const opening = OPENING.has(tunnel?.state);
  // Not `disabled`, which would take the focus away from who pressed it.
  make.ariaDisabled = String(opening);
  setText(find("span", make), opening ? "Opening…" : "Open a tunnel");
  setName(make, opening ? `The tunnel to ${app.name} is being opened` : `Open a tunnel to ${app.name}`);
  find(".none", card).hidden = !direct.hidden || !link.hidden || !make.hidden;
}

function where(app) {
  const at = `Port ${app.external_port}`;
  if (app.protected) return `${at}, with login`;
  return app.direct_url ? `${at}, without login` : at;
}

function initials(name) {
  const words = name.match(/[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/g) ?? [name];
  return (words.length > 1 ? words[0][0] + words[1][0] : name.slice(0, 2)).toUpperCase();
}
