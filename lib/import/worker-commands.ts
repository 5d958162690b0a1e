import type { FoundNode, LeftOut } from "./inventory.ts";
import { requirementProblem, shownText } from "./safe-names.ts";
import { type Command, optionsOf } from "./shell-words.ts";
import { registryNode } from "./snapshot.ts";
import {
  absolute,
  cloneOrCheckout,
  downloadModel,
  fileNameOf,
  gitNode,
  noValue,
  type WorkerCommands,
} from "./worker-fetches.ts";

/** Where the worker has its ComfyUI. */
const comfyui = "/comfyui";

/** Commands that leave nothing in an image that a recipe would have to say. */
const harmless = new Set(
  "cd echo printf true set export mkdir chmod chown touch ls pwd sleep rm source . test [ exit cat which command git-lfs find sync exec".split(
    " ",
  ),
);

type Reader = (words: Command, all: WorkerCommands) => string | undefined;

/** Understands one command; what it cannot is listed with its reason. */
export function readCommand(words: Command, all: WorkerCommands): void {
  const [program, ...rest] = withoutPrefix(words);
  const name = program?.split("/").at(-1) ?? "";
  if (name === "cd") all.folder = absolute(rest[0] ?? "/", all.folder);
  if (harmless.has(name)) return;
  const reader = readers[name];
  const reason = reader
    ? reader(rest, all)
    : "does something that no recipe says; see what of it is a layer of your own";
  if (reason !== undefined) {
    all.left.push({ what: shownText(words.map((word) => word ?? "…").join(" "), 100), reason });
  }
}

const readers: Readonly<Record<string, Reader>> = {
  "comfy-node-install": (words, all) => installNodes(words, all),
  comfy: (words, all) => comfyCli(words, all),
  pip: (words, all) => pipInstall(words, all),
  pip3: (words, all) => pipInstall(words, all),
  uv: (words, all) =>
    words[0] === "pip" ? pipInstall(words.slice(1), all) : "is a call of uv that installs nothing",
  git: (words, all) => cloneOrCheckout(words, all),
  wget: (words, all) =>
    downloadModel(
      words,
      ["-O", "--output-document", "--header", "-P", "--directory-prefix", "-t", "--tries"],
      all,
    ),
  curl: (words, all) =>
    downloadModel(words, ["-o", "--output", "-H", "--header", "--retry", "--retry-delay", "-u"], all),
  aria2c: (words, all) =>
    downloadModel(words, ["-o", "--out", "-d", "--dir", "-x", "-s", "-k", "--header", "-j"], all),
  apt: (words) => aptInstall(words),
  "apt-get": (words) => aptInstall(words),
  "comfy-manager-set-mode": () =>
    "is a setting of ComfyUI-Manager at the start, which strata's image does not have",
};

/** `sudo`, `env A=b`, `python -m pip`, `/opt/venv/bin/python -m pip`. */
function withoutPrefix(words: Command): Command {
  if (words[0] === "sudo" || words[0] === "env" || words[0] === "time" || words[0] === "yes") {
    return withoutPrefix(words.slice(1).filter((word, at) => at > 0 || !/^\w+=/.test(word ?? "")));
  }
  const isModule = /(^|\/)python[\d.]*$/.test(words[0] ?? "") && words[1] === "-m";
  return isModule ? words.slice(2) : words;
}

function installNodes(words: Command, all: WorkerCommands): string | undefined {
  const { rest } = optionsOf(words, ["--mode", "--channel"]);
  for (const word of rest) if (word !== null) all.nodes.push(namedNode(word));
  return rest.includes(null) ? noValue : undefined;
}

/** A name of the registry with or without `@version`, or a repository's address. */
function namedNode(word: string): FoundNode | LeftOut {
  if (/:\/\/|^git@/.test(word)) return gitNode(word, null, null);
  const [name = "", version] = word.split("@");
  const isNewest = version === undefined || version === "latest";
  if (version === "nightly") {
    return {
      what: `node ${shownText(word)}`,
      reason: "is its repository's newest commit; give its address in place of its name",
    };
  }
  return registryNode(name, isNewest ? null : version);
}

function comfyCli(words: Command, all: WorkerCommands): string | undefined {
  const { options, rest } = optionsOf(words, [
    ...[
      "--workspace",
      "--url",
      "--relative-path",
      "--filename",
      "--set-civitai-api-token",
      "--set-hf-api-token",
    ],
    ...["--mode", "--channel", "--version", "--cuda-version"],
  ]);
  const [group, action, ...names] = rest;
  if (group === "node" && action === "install") return installNodes(names, all);
  if (group === "tracking" || group === "set-default" || group === "env") return undefined;
  if (group === "model" && action === "download") {
    const [url, folder = "models/checkpoints", name] = ["--url", "--relative-path", "--filename"].map(
      (each) => options.get(each),
    );
    if (!url || folder === null || name === null) return noValue;
    const file = name ?? fileNameOf(url);
    all.models.push({ path: `${folder}/${file}`, url });
    return undefined;
  }
  if (group === "node" && action === "restore-snapshot")
    return "name that snapshot's own file to the import as well";
  return "is a command of comfy-cli that no recipe says";
}

function pipInstall([action, ...words]: Command, all: WorkerCommands): string | undefined {
  if (action !== "install")
    return action === "uninstall" ? "takes away what a lock would not have" : undefined;
  const { options, rest } = optionsOf(words, [
    ...[
      "-r",
      "--requirement",
      "-c",
      "--constraint",
      "-i",
      "--index-url",
      "--extra-index-url",
      "-f",
      "--find-links",
    ],
    ...["--target", "-t", "--python", "--prefix", "-e", "--editable"],
  ]);
  const file = options.get("-r") ?? options.get("--requirement");
  for (const word of rest) {
    if (word === null) continue;
    const problem = requirementProblem(word);
    if (problem === undefined) all.packages.push(word.trim());
    else all.left.push({ what: `package ${shownText(word)}`, reason: problem });
  }
  if (rest.includes(null)) return noValue;
  if (file === undefined) return undefined;
  // A node's own requirements are locked with it.
  const isOfNode = file !== null && absolute(file, all.folder).startsWith(`${comfyui}/`);
  return isOfNode
    ? undefined
    : "its requirement file is not read; write its lines into `packages` of the recipe";
}

function aptInstall(words: Command): string | undefined {
  const { rest } = optionsOf(words, ["-o", "-t"]);
  const packages = rest.slice(1).filter((word) => word !== null);
  if (rest[0] !== "install" || packages.length === 0) return undefined;
  return "strata's system layer has what ComfyUI's nodes want of Debian; what is missing is a layer of your own";
}
