// Tunnels: opened, closed, opened anew under another address; and the names of the named one.

import { order } from "./api.js";
import { copy, duration, fillList, find, setLink, setName, setText } from "./dom.js";

const WORDS = {
  stopped: ["Closed", ""],
  waiting: ["Waiting", "busy"],
  starting: ["Starting", "busy"],
  connecting: ["Connecting", "busy"],
  retrying: ["Trying again", "busy"],
  running: ["Open", "good"],
  failed: ["Failed", "bad"],
};

/** Shows them; `changed` is called after an order. */
export function showTunnels(tunnels, changed) {
  const none = find("#no-tunnels");
  const quick = tunnels?.available ? tunnels.quick : [];
  none.hidden = quick.length > 0;
  setText(
    none,
    tunnels ? (tunnels.reason ?? "No port is behind the login yet.") : "The tunnel manager does not answer.",
  );
  fillList(find("#tunnels"), quick, {
    key: (tunnel) => tunnel.port,
    template: "t-tunnel",
    make: (row, tunnel) => {
      const label = labelOf(tunnel);
      const orders = {
        start: `Opening a tunnel to ${label}…`,
        stop: `Closed the tunnel to ${label}.`,
        refresh: `Opening the tunnel to ${label} anew…`,
      };
      for (const [action, done] of Object.entries(orders)) {
        find(`.${action}`, row).addEventListener("click", async () => {
          await order(`/tunnels/${tunnel.port}/${action}`, done);
          changed();
        });
      }
      find(".copy", row).addEventListener("click", () => copy(find(".address", row).href, "Address"));
    },
    fill: fillTunnel,
  });
  showNamed(tunnels?.named);
}

function fillTunnel(row, tunnel) {
  const label = labelOf(tunnel);
  const [word, tone] = WORDS[tunnel.state] ?? [tunnel.state, ""];
  const busy = tone === "busy";
  row.dataset.tone = tone;
  setText(find(".name", row), label);
  setText(find(".state", row), word);
  setLink(find(".address", row), tunnel.url);
  setText(find(".address", row), tunnel.url?.replace("https://", "") ?? "");
  setText(find(".detail", row), detailOf(tunnel));
  find(".copy", row).hidden = !tunnel.url;
  find(".refresh", row).hidden = tunnel.state !== "running";
  find(".start", row).hidden = tunnel.state === "running" || busy;
  find(".stop", row).hidden = tunnel.state === "stopped" || tunnel.state === "failed";
  setName(find(".copy", row), `Copy the tunnel's address of ${label}`);
  setName(find(".refresh", row), `Open the tunnel to ${label} anew, under another address`);
  setName(find(".start", row), `Open a tunnel to ${label}`);
  setName(find(".stop", row), `Close the tunnel to ${label}`);
}

function labelOf({ labels, port }) {
  return labels.length > 0 ? labels.join(", ") : `Port ${port}`;
}

function detailOf({ state, url, detail, until, port, labels }) {
  const again = until ? ` Again in ${duration(until - Date.now() / 1000)}.` : "";
  if (detail) return `${detail.replace(/\.?$/, ".")}${again}`;
  if (url || labels.length === 0) return "";
  return state === "stopped" ? `Port ${port}` : "Cloudflare is asked for an address.";
}

function showNamed(named) {
  find("#named").hidden = !named;
  if (!named) return;
  const [word] = WORDS[named.state] ?? [named.state];
  setText(find("#named-state"), [`By CF_TUNNEL_TOKEN. ${word}.`, named.detail].filter(Boolean).join(" "));
  fillList(find("#routes"), named.routes, {
    key: (route) => route.url,
    template: "t-route",
    fill: (row, route) => {
      row.dataset.tone = route.unprotected ? "bad" : "good";
      setLink(find(".address", row), route.url);
      setText(find(".address", row), route.url.replace("https://", "").replace(/\/$/, ""));
      const warning = `Goes to ${route.service}, past the login: whoever knows the name is in. Lead it to the external port instead.`;
      setText(find(".detail", row), route.unprotected ? warning : `Goes to ${route.service}`);
    },
  });
}
