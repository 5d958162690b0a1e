// How the instance came up: notices above the page, and the cards Start and Image.

import { connection } from "./api.js";
import { duration, fillList, find, setLink, setText } from "./dom.js";

const WORDS = {
  none: "No script was given",
  running: "The script is running",
  complete: "The script is done",
  failed: "The script failed",
  "timed-out": "The script took too long and was ended",
};

/** Shows it. */
export function showState(state) {
  showNotices(state);
  if (!state) return;
  setText(find("#instance"), state.instance);
  find("#logout").hidden = !state.has_login;
  document.title = state.instance ? `${state.instance} · Instance Portal` : "Instance Portal";
  const { provisioning, boot_failures: failures, image } = state;
  fillTerms(find("#start"), {
    Provisioning: WORDS[provisioning.state] ?? provisioning.state,
    Script: provisioning.script,
    Took: took(provisioning),
    Said: provisioning.detail,
    Boot:
      failures.length > 0
        ? failures.map(({ script, status }) => `${script} failed (${status})`).join("; ")
        : "Nothing failed",
  });
  fillTerms(find("#image"), {
    Recipe: image.recipe,
    "For GPUs": image.generation,
    CUDA: image.cuda,
    PyTorch: image.torch,
  });
}

function showNotices(state) {
  const found = [];
  if (connection.trouble === "lost")
    found.push({
      tone: "bad",
      title: "The instance does not answer.",
      text: "What is shown is how it last was.",
    });
  if (connection.trouble === "login")
    found.push({
      tone: "bad",
      title: "You are logged out.",
      text: "Load the page again to log in.",
      link: location.pathname,
      word: "Log in",
    });
  for (const { script, status } of state?.boot_failures ?? []) {
    found.push({
      tone: "bad",
      title: `${script} failed in the boot.`,
      text: `Status ${status}; the boot went on.`,
    });
  }
  for (const message of state?.messages ?? []) found.push({ title: message });
  const { state: word, detail, script } = state?.provisioning ?? {};
  const log = "#/logs/provisioning";
  if (word === "running")
    found.push({ title: "Provisioning is running.", text: script, link: log, word: "Log" });
  if (word === "failed" || word === "timed-out") {
    found.push({
      tone: "bad",
      title: `${WORDS[word].replace("The script", "Provisioning:  the script").replace("  ", " ")}.`,
      text: detail,
      link: log,
      word: "Log",
    });
  }
  fillList(find("#notices"), found, {
    key: ({ title }) => title,
    template: "t-notice",
    fill: (element, notice) => {
      element.classList.toggle("bad", notice.tone === "bad");
      setText(find("strong", element), notice.title);
      setText(find("span", element), notice.text ?? "");
      const link = find("a", element);
      link.hidden = !notice.link;
      setLink(link, notice.link);
      setText(link, notice.word ?? "");
    },
  });
}

function took({ started, ended, state }) {
  const from = Date.parse(started);
  if (Number.isNaN(from)) return "";
  const until = state === "running" ? Date.now() : Date.parse(ended);
  return Number.isNaN(until) ? "" : duration((until - from) / 1000);
}

function fillTerms(list, terms) {
  const entries = Object.entries(terms).filter(([, text]) => text);
  const text = JSON.stringify(entries);
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(
    ...entries.flatMap(([term, meaning]) => [element("dt", term), element("dd", meaning)]),
  );
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
