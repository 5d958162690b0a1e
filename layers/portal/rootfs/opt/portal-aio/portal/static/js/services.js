// Services as the process manager has them.

import { order } from "./api.js";
import { duration, fillList, find, setLink, setName, setText } from "./dom.js";

const WORDS = {
  RUNNING: ["Running", "good"],
  STARTING: ["Starting", "busy"],
  STOPPING: ["Stopping", "busy"],
  BACKOFF: ["Restarting", "busy"],
  STOPPED: ["Stopped", ""],
  EXITED: ["Ended", ""],
  FATAL: ["Failed", "bad"],
  UNKNOWN: ["Unknown", "bad"],
};
const DONE = { start: "Started", stop: "Stopped", restart: "Restarted" };
const busy = new Set();

/** Shows them; `changed` is called after an order. */
export function showServices(services, changed) {
  const none = find("#no-services");
  none.hidden = Boolean(services?.length);
  setText(none, services ? "No service is set up." : "The process manager does not answer.");
  fillList(find("#services"), services ?? [], {
    key: (service) => service.name,
    template: "t-service",
    make: (row, { name }) => {
      setLink(find(".log-link", row), `#/logs/${encodeURIComponent(name)}`);
      setName(find(".log-link", row), `Log of ${name}`);
      for (const action of Object.keys(DONE)) {
        find(`.${action}`, row).addEventListener("click", async () => {
          if (busy.has(name)) return;
          busy.add(name);
          showServices(services, changed);
          await order(
            `/supervisor/process/${encodeURIComponent(name)}/${action}`,
            `${DONE[action]} ${name}.`,
          );
          busy.delete(name);
          changed();
        });
      }
    },
    fill: fillService,
  });
}

function fillService(row, service) {
  const { name, state } = service;
  const [word, tone] = WORDS[state] ?? [state, ""];
  const up = state === "RUNNING" || state === "STARTING" || state === "BACKOFF";
  const failed = state === "EXITED" && service.exit_status !== 0;
  row.dataset.tone = busy.has(name) ? "busy" : failed ? "bad" : tone;
  setText(find(".name", row), name);
  setText(find(".state", row), busy.has(name) ? "Working…" : word);
  setText(find(".detail", row), detailOf(service));
  const needed = service.stoppable ? "" : ", needed by this page";
  setText(find(".more", row), service.pid === null ? "" : `Process ${service.pid}${needed}`);
  const buttons = { start: !up, stop: up && service.stoppable, restart: up && service.stoppable };
  for (const [action, shown] of Object.entries(buttons)) {
    const button = find(`.${action}`, row);
    button.hidden = !shown;
    // Not `disabled`, which would take the focus away from who pressed it.
    button.setAttribute("aria-disabled", String(busy.has(name)));
    setName(button, `${action[0].toUpperCase()}${action.slice(1)} ${name}`);
  }
}

function detailOf(service) {
  if (service.started !== null) return `For ${duration(Date.now() / 1000 - service.started)}`;
  if (service.state === "EXITED") return `With status ${service.exit_status}`;
  return service.description === "Not started" ? "Never started" : service.description;
}
